import { cpuTarget } from "../support/cpu-target.ts";
import { randomSuite } from "../suites/random.ts";

randomSuite(cpuTarget, 120, 250, 20277);
