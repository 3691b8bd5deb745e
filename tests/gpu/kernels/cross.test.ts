import { gpuTarget } from "../../support/gpu-target.ts";
import { pipelines } from "../../support/plan-runs.ts";
import { crossSuite } from "../../suites/cross.ts";

crossSuite(gpuTarget, [pipelines[2]!]);
