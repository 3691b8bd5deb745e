import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import { gpuTarget } from "../support/gpu-target.ts";
import { coverageSuite } from "../suites/coverage.ts";

coverageSuite(gpuTarget, (fused) => buildProgram(lowerToPlan(fused)));
