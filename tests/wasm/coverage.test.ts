import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import { cpuTarget } from "../support/cpu-target.ts";
import { coverageSuite } from "../suites/coverage.ts";

coverageSuite(cpuTarget, (fused) => buildCpuProgram(lowerToCpuPlan(fused)));
