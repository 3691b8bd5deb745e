import { cpuTarget } from "../support/cpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { crossSuite } from "../suites/cross.ts";

crossSuite(cpuTarget, pipelines);
