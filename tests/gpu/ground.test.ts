import { gpuTarget } from "../support/gpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { groundSuite } from "../suites/ground.ts";

groundSuite(gpuTarget, 9, [0, 1, 33, 100], [pipelines[2]!]);
