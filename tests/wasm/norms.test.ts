import { cpuTarget } from "../support/cpu-target.ts";
import { normsSuite } from "../suites/norms.ts";

normsSuite(cpuTarget);
