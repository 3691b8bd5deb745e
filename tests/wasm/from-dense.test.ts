import { cpuTarget } from "../support/cpu-target.ts";
import { fromDenseSuite } from "../suites/from-dense.ts";

fromDenseSuite(cpuTarget);
