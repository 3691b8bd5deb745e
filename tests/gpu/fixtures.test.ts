import { gpuTarget } from "../support/gpu-target.ts";
import { pipelines } from "../support/plan-runs.ts";
import { fixturesSuite } from "../suites/fixtures.ts";

// The large one runs under the standard pipeline only: the others are proven on the small one and cost minutes here.
fixturesSuite(gpuTarget, (network) => pipelines.filter(([level]) => (network === "MinkUNet18" ? level !== "O1" : level === "O2")));
