import { cpuTarget } from "../support/cpu-target.ts";
import { groupsSuite } from "../suites/groups.ts";

groupsSuite(cpuTarget, [0, 1, 64, 65, 400]);
