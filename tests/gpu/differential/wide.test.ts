import { gpuTarget } from "../../support/gpu-target.ts";
import { wideSuite } from "../../suites/wide.ts";

// 432 MiB of weights: each block fits a binding of 128 MiB.
wideSuite(gpuTarget, [3, 3, 3], 4);
