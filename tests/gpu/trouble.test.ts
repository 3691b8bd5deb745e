import { gpuTarget } from "../support/gpu-target.ts";
import { troubleSuite } from "../suites/trouble.ts";

troubleSuite(gpuTarget);
