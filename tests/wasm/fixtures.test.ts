import { cpuTarget } from "../support/cpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { fixturesSuite } from "../suites/fixtures.ts";

fixturesSuite(cpuTarget, () => pipelines);
