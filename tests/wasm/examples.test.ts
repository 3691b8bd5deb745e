import { cpuTarget } from "../support/cpu-target.ts";
import { examplesSuite } from "../suites/examples.ts";

examplesSuite(cpuTarget);
