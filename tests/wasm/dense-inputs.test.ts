import { cpuTarget } from "../support/cpu-target.ts";
import { denseInputsSuite } from "../suites/dense-inputs.ts";

denseInputsSuite(cpuTarget);
