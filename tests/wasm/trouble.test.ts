import { cpuTarget } from "../support/cpu-target.ts";
import { troubleSuite } from "../suites/trouble.ts";

troubleSuite(cpuTarget);
