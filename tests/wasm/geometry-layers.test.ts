import { cpuTarget } from "../support/cpu-target.ts";
import { geometrySuite } from "../suites/geometry.ts";

geometrySuite(cpuTarget);
