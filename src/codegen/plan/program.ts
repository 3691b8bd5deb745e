import { printLoc } from "../../ir/loc.ts";
import { string, type Module, type Op } from "../../ir/module.ts";
import type { StepBinding, StepPlan } from "../../runtime/plan.ts";
import { compileGeometry, rowCountIndex } from "../wgsl/geometry/index.ts";
import { buildKernel } from "../wgsl/kernels/index.ts";
import type { FeatureSpec, Kernel } from "../wgsl/spec.ts";
import { describeStep, stepMacs } from "./describe.ts";
import type { Program } from "./emit-module.ts";
import { PlanReader } from "./plan-reader.ts";
import type { SpecBody } from "./step-draft.ts";

/** Plan module → plan data and kernel texts. `source` is the `.spnet` file's name. */
export function buildProgram(module: Module, source: string): Program {
  const reader = new PlanReader(module);
  const geometry = compileGeometry(reader.geometry);
  const kernels: Kernel[] = [...geometry.kernels];
  const steps = reader.steps.map((op, i) => {
    const { step, kernel } = buildStep(module, reader, op, i);
    kernels.push(kernel);
    return step;
  });
  const interfaces = kernels.map((k) => ({ name: k.name, access: k.bindings.map((b) => b.access) }));
  const { inputs, outputs, load, blocks, buffers } = reader;
  return { plan: { name: module.name, inputs, outputs, load, blocks, kernels: interfaces, geometry: geometry.plan, buffers, steps }, kernels, source };
}

function buildStep(module: Module, reader: PlanReader, op: Op, index: number): { readonly step: StepPlan; readonly kernel: Kernel } {
  const rows = string(op.attrs, "rows");
  const body = { kind: op.name.slice("step.".length), ...(op.attrs["spec"] as object) } as SpecBody;
  const description = describeStep(module, op, body, index);
  const kernel = buildKernel({ ...body, name: description.name, header: description.header, rows: rowCountIndex(reader.geometry, rows) } as FeatureSpec);
  const roles = op.attrs["roles"] as readonly string[];
  const byRole = new Map(roles.map((role, i) => [role, reader.bindingOf(op.operands[i]!)]));
  const bindings = kernel.bindings.map((b): StepBinding => {
    if (b.role === "counts") return { bind: "counts" };
    const binding = byRole.get(b.role);
    if (binding === undefined) throw new Error(`internal: ${op.name} has no operand for ${b.role}`);
    return binding;
  });
  const step: StepPlan = {
    kernel: kernel.name, source: printLoc(op.loc), rows: reader.rows(rows),
    rowsPerGroup: kernel.rowsPerGroup, groupsPerTile: kernel.groupsPerTile, bindings,
    macs: stepMacs(body, (role) => {
      const region = byRole.get(role);
      return region?.bind === "map" ? region.rulebook : -1;
    }),
  };
  return { step, kernel };
}
