import { gpuTarget } from "../../support/gpu-target.ts";
import { pipelines } from "../../support/plan-runs.ts";
import { denseSuite } from "../../suites/dense.ts";

denseSuite(gpuTarget, [[3, 5]], [0, 1, 70], [pipelines[2]!]);
