import { cpuTarget } from "../support/cpu-target.ts";
import { rowsSuite } from "../suites/rows.ts";

rowsSuite(cpuTarget);
