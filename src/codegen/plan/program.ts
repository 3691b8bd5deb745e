import { printLocBriefly } from "../../ir/loc.ts";
import { string, type Module, type Op } from "../../ir/module.ts";
import { MARK_GROUP } from "../../runtime/geometry/fields.ts";
import type { StepBinding, StepPlan } from "../../runtime/plan.ts";
import { compileGeometry, rowCountIndex, type CompiledGeometry, type Mask } from "../wgsl/geometry/index.ts";
import { buildKernel } from "../wgsl/kernels/index.ts";
import { WORKGROUP_BYTES } from "../wgsl/kernels/shape.ts";
import type { FeatureSpec, Kernel } from "../wgsl/spec.ts";
import { comment, render } from "../wgsl/template.ts";
import { describeStep, stepMacs } from "./describe.ts";
import type { Program } from "./emit-module.ts";
import { PlanReader } from "./plan-reader.ts";
import type { SpecBody } from "./step-draft.ts";

/** Plan module → plan data and kernel texts. */
export function buildProgram(module: Module): Program {
  const reader = new PlanReader(module);
  const geometry = compileGeometry(reader.geometry, {}, reader.steps.flatMap((op) => (op.name === "step.prune" ? [maskOf(op)] : [])));
  const shared = new SharedKernels();
  const steps = reader.steps.map((op, i) => (op.name === "step.prune" ? buildPruning(reader, op, geometry) : buildStep(module, reader, op, i, shared)));
  const kernels = [...geometry.kernels, ...shared.kernels()];
  const interfaces = kernels.map((k) => ({ name: k.name, access: k.bindings.map((b) => b.access) }));
  const { inputs, outputs, fractions, load, blocks, buffers } = reader;
  const features = [...(buffers.some((b) => b.half === true) ? ["shader-f16" as const] : []), ...(kernels.some((k) => k.subgroups === true) ? ["subgroups" as const] : [])];
  const bytes = Math.max(0, ...kernels.map((k) => k.workgroupBytes));
  const limits = bytes > WORKGROUP_BYTES ? { limits: { maxComputeWorkgroupStorageSize: bytes } } : {};
  return { plan: { name: module.name, inputs, outputs, ...(fractions.length === 0 ? {} : { fractions }), load, blocks, kernels: interfaces, geometry: geometry.plan, buffers, steps, ...(features.length === 0 ? {} : { features }), ...limits }, kernels };
}

const maskOf = (op: Op): Mask => op.attrs["spec"] as unknown as Mask;

/** Kernels by what they compute: steps whose texts differ in name and comment alone share one pipeline. */
class SharedKernels {
  readonly #byText = new Map<string, { readonly kernel: Kernel; readonly others: string[] }>();

  /** The kernel to launch in place of `kernel`; `header` is remembered in the comment of the shared one. */
  share(kernel: Kernel, header: readonly string[]): Kernel {
    const key = kernel.code.replace(/^(\/\/[^\n]*\n)+/, "").replaceAll(kernel.name, "");
    const known = this.#byText.get(key);
    if (known === undefined) {
      this.#byText.set(key, { kernel, others: [] });
      return kernel;
    }
    known.others.push(`also ${header[0]!}, ${header.at(-1)!}`);
    return known.kernel;
  }

  kernels(): readonly Kernel[] {
    return [...this.#byText.values()].map(({ kernel, others }) => (others.length === 0 ? kernel : { ...kernel, code: render(comment(others)) + kernel.code }));
  }
}

/** A step that is geometry: its kernel is the one that reads the mask. */
function buildPruning(reader: PlanReader, op: Op, { plan }: CompiledGeometry): StepPlan {
  const prune = plan.sites.findIndex((s) => s.id === maskOf(op).sites);
  const { kernel } = plan.stages.find((s) => s.late === prune)!;
  const binding = reader.bindingOf(op.operands[0]!);
  return { kernel, source: printLocBriefly(op.loc), rows: reader.rows(string(op.attrs, "rows")), rowsPerGroup: MARK_GROUP, groupsPerTile: 1, bindings: [binding], prune, macs: { perRow: 0, perPair: [] } };
}

function buildStep(module: Module, reader: PlanReader, op: Op, index: number, shared: SharedKernels): StepPlan {
  const rows = string(op.attrs, "rows");
  const body = { kind: op.name.slice("step.".length), ...(op.attrs["spec"] as object) } as SpecBody;
  const description = describeStep(module, op, body, index);
  const counted = body.kind === "global_pool" || body.kind === "moments" || body.kind === "statistics" ? { ...body, sites: rowCountIndex(reader.geometry, body.coords === undefined ? "batch" : sortedRows(op, reader, "coords")) } : body.kind === "voxelize" ? { ...body, points: rowCountIndex(reader.geometry, sortedRows(op, reader, "members")) } : body;
  const head = { name: description.name, header: description.header, rows: rowCountIndex(reader.geometry, rows) };
  const kernel = shared.share(buildKernel({ ...counted, ...head } as FeatureSpec), description.header);
  const roles = op.attrs["roles"] as readonly string[];
  const byRole = new Map(roles.map((role, i) => [role, reader.bindingOf(op.operands[i]!)]));
  const bindings = kernel.bindings.map((b): StepBinding => {
    if (b.role === "counts") return { bind: "counts" };
    const binding = byRole.get(b.role);
    if (binding === undefined) throw new Error(`internal: ${op.name} has no operand for ${b.role}`);
    return binding;
  });
  return {
    kernel: kernel.name, source: printLocBriefly(op.loc), rows: reader.rows(rows),
    rowsPerGroup: kernel.rowsPerGroup, groupsPerTile: kernel.groupsPerTile,
    ...(kernel.halvedBelow === undefined ? {} : { halvedBelow: kernel.halvedBelow }), bindings,
    macs: stepMacs(body, (role) => {
      const region = byRole.get(role);
      return region?.bind === "map" ? region.rulebook : -1;
    }),
  };
}

/** Id of the site set whose sorted rows a reduction reads: the one whose coordinates it binds to a role. */
function sortedRows(op: Op, reader: PlanReader, role: "coords" | "members"): string {
  const roles = op.attrs["roles"] as readonly string[];
  const binding = reader.bindingOf(op.operands[roles.indexOf(role)]!);
  if (binding.bind !== "coords") throw new Error("internal: a reduction without coordinates");
  return reader.geometry.sites[binding.site]!.id;
}
