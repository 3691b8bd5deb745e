import { cpuTarget } from "../support/cpu-target.ts";
import { wideSuite } from "../suites/wide.ts";

// There is nothing to slice: few taps will do.
wideSuite(cpuTarget, [1, 1, 3], 1);
