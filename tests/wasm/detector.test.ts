import { cpuTarget } from "../support/cpu-target.ts";
import { detectorSuite } from "../suites/detector.ts";

detectorSuite(cpuTarget, ["O0", "O2"]);
