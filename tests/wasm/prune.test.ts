import { cpuTarget } from "../support/cpu-target.ts";
import { pruneSuite } from "../suites/prune.ts";

pruneSuite(cpuTarget);
