import { gpuTarget } from "../support/gpu-target.ts";
import { goldenSuite } from "../suites/golden.ts";

goldenSuite(gpuTarget);
