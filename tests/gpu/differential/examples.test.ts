import { gpuTarget } from "../../support/gpu-target.ts";
import { examplesSuite } from "../../suites/examples.ts";

examplesSuite(gpuTarget);
