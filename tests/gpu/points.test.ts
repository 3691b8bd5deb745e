import { gpuTarget } from "../support/gpu-target.ts";
import { pointsSuite } from "../suites/points.ts";

pointsSuite(gpuTarget);
