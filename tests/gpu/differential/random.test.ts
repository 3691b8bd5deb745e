import { gpuTarget } from "../../support/gpu-target.ts";
import { randomSuite } from "../../suites/random.ts";

randomSuite(gpuTarget, 32, 150, 141);
