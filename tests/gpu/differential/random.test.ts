import { gpuTarget } from "../../support/gpu-target.ts";
import { randomSuite } from "../../suites/random.ts";

randomSuite(gpuTarget, 50, 150, 1329);
