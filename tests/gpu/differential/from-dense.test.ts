import { pipelines } from "../../support/plan-runs.ts";
import { gpuTarget } from "../../support/gpu-target.ts";
import { fromDenseSuite } from "../../suites/from-dense.ts";

fromDenseSuite(gpuTarget, [pipelines[0]!, pipelines[2]!], [[1, 1], [2, 3], [3, 4]]);
