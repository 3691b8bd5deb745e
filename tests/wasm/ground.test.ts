import { cpuTarget } from "../support/cpu-target.ts";
import { groundSuite } from "../suites/ground.ts";

groundSuite(cpuTarget, 24, [0, 1, 65, 200]);
