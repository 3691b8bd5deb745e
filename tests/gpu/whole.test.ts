import { gpuTarget } from "../support/gpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { wholeSuite } from "../suites/whole.ts";

// Software drivers compile every kernel on the CPU: the least and the most that a compilation does.
wholeSuite(gpuTarget, [pipelines[0]!, pipelines[3]!], [0, 1, 65, 300]);
