import { gpuTarget } from "../support/gpu-target.ts";
import { activationsSuite } from "../suites/activations.ts";

activationsSuite(gpuTarget);
