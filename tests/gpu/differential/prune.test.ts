import { gpuTarget } from "../../support/gpu-target.ts";
import { pruneSuite } from "../../suites/prune.ts";

pruneSuite(gpuTarget);
