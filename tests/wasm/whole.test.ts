import { cpuTarget } from "../support/cpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { wholeSuite } from "../suites/whole.ts";

wholeSuite(cpuTarget, pipelines, [0, 1, 65, 300]);
