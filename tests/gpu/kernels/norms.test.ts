import { gpuTarget } from "../../support/gpu-target.ts";
import { normsSuite } from "../../suites/norms.ts";

normsSuite(gpuTarget);
