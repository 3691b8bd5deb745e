import { gpuTarget } from "../../support/gpu-target.ts";
import { geometrySuite } from "../../suites/geometry.ts";

geometrySuite(gpuTarget);
