import { gpuTarget } from "../../support/gpu-target.ts";
import { detectorSuite } from "../../suites/detector.ts";

detectorSuite(gpuTarget, ["O2"]);
