import { cpuTarget } from "../support/cpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { eventsSuite } from "../suites/events.ts";

eventsSuite(cpuTarget, pipelines);
