import { gpuTarget } from "../support/gpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { eventsSuite } from "../suites/events.ts";

// Software drivers compile every kernel on the CPU: the standard pipeline only.
eventsSuite(gpuTarget, [pipelines[2]!]);
