import { gpuTarget } from "../../support/gpu-target.ts";
import { randomSuite } from "../../suites/random.ts";

randomSuite(gpuTarget, 48, 150, 48);
