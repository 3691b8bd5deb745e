import { gpuTarget } from "../../support/gpu-target.ts";
import { examplesSuite } from "../../suites/examples.ts";

/** Software drivers compile every kernel on the CPU: of the large networks, whose layers the others have too, the run with most kinds of kernels. */
const LARGE = ["minkunet18", "sparse_resunet42", "cylinder3d"];

examplesSuite(gpuTarget, (name) => (LARGE.includes(name) ? ["O2 with pairs always"] : name === "minkunet34" ? ["O2"] : ["O0", "O2", "O2 with pairs always"]));
