import { cpuTarget } from "../support/cpu-target.ts";
import { activationsSuite } from "../suites/activations.ts";

activationsSuite(cpuTarget);
