import { cpuTarget } from "../support/cpu-target.ts";
import { pointsSuite } from "../suites/points.ts";

pointsSuite(cpuTarget);
