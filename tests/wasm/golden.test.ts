import { cpuTarget } from "../support/cpu-target.ts";
import { goldenSuite } from "../suites/golden.ts";

goldenSuite(cpuTarget);
