import { gpuTarget } from "../../support/gpu-target.ts";
import { rowsSuite } from "../../suites/rows.ts";

rowsSuite(gpuTarget);
