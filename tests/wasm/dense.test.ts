import { cpuTarget } from "../support/cpu-target.ts";
import { denseSuite } from "../suites/dense.ts";

denseSuite(cpuTarget, [[3, 5], [16, 8]], [0, 1, 70]);
