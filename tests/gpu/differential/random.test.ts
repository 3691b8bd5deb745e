import { gpuTarget } from "../../support/gpu-target.ts";
import { randomSuite } from "../../suites/random.ts";

randomSuite(gpuTarget, 25, 150, 64, false);
