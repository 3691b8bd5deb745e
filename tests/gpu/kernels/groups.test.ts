import { gpuTarget } from "../../support/gpu-target.ts";
import { pipelines } from "../../support/plan-runs.ts";
import { groupsSuite } from "../../suites/groups.ts";

groupsSuite(gpuTarget, [0, 1, 33, 200], [[16, 16, 16], [133, 133, 133], [5, 15, 5], [3, 12, 3], [6, 4, 2], [24, 16, 2]], [pipelines[2]!]);
