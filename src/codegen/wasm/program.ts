import { printLocBriefly } from "../../ir/loc.ts";
import { string, type Module, type Op } from "../../ir/module.ts";
import { volume } from "../../runtime/geometry/record.ts";
import type { Arithmetic, CpuBinding, CpuPlan, CpuRulebook, CpuSite, CpuStep } from "../../runtime/cpu/plan.ts";
import { COLUMN_TILE } from "../../runtime/cpu/fields.ts";
import { runPipeline } from "../../passes/manager.ts";
import { parsePipeline } from "../../passes/pipeline.ts";
import { describeStep, stepMacs } from "../plan/describe.ts";
import type { GeometrySpec } from "../plan/geometry-spec.ts";
import { lowerToPlan } from "../plan/lower.ts";
import type { StepTarget } from "../plan/lower-steps.ts";
import { PlanReader } from "../plan/plan-reader.ts";
import type { SpecBody } from "../plan/step-draft.ts";
import { pointsOf } from "../wgsl/geometry/analysis.ts";
import type { FeatureSpec } from "../wgsl/spec.ts";
import { Assembly } from "./assembly.ts";
import { addDerive } from "./geometry/derive.ts";
import { addHash, addHashPruned } from "./geometry/hash.ts";
import { addHashEmit, addHashSort } from "./geometry/hash-order.ts";
import { addHashDerive, addHashSearch, hashSearchScratch } from "./geometry/hash-walk.ts";
import { addCheck, addMarkInput, addMarkPruned, addPlaceInput } from "./geometry/input.ts";
import { addCount, addEmit } from "./geometry/rank.ts";
import { addSearch } from "./geometry/search.ts";
import { addBarrier } from "./kernels/barrier.ts";
import { addCopies } from "./kernels/copy.ts";
import { buildStepKernel } from "./kernels/index.ts";
import { REDUCED_ROWS } from "./kernels/item-rows.ts";
import { printSexpr } from "./wat.ts";

/** Cells of a bitmap at most: 96 MiB with its ranks. */
const BITMAP_CELLS = 2 ** 29;

/** Steps for the CPU: parameters of any size, matrices in column tiles, every site set in sorted order. */
export const WASM_STEPS: StepTarget = { blockFloats: Infinity, columnTile: COLUMN_TILE, sortedInputs: true, dataflows: false, workgroupBytes: 0, skipsZeros: true, defersDense: true };

/** A network for the CPU target: its plan as data and the WebAssembly text of its functions. */
export interface CpuProgram {
  readonly plan: CpuPlan;
  readonly wat: string;
}

/** Fused module → plan module for the CPU. */
export const lowerToCpuPlan = (fused: Module): Module => lowerToPlan(forCpu(fused), WASM_STEPS);

/** The form of a fused module that the CPU computes: no pairs, hence no halos. */
function forCpu(fused: Module): Module {
  const { pipeline } = parsePipeline("split-pairs,dce");
  if (pipeline === undefined) throw new Error("internal: the CPU's pipeline is malformed");
  return runPipeline(fused, pipeline).module;
}

/** Plan module, lowered for the CPU → plan data and WebAssembly text. */
export function buildCpuProgram(module: Module, arithmetic: Arithmetic = "strict"): CpuProgram {
  const reader = new PlanReader(module);
  const assembly = new Assembly(arithmetic);
  const geometry = buildGeometry(assembly, reader.geometry);
  addCopies(assembly);
  addBarrier(assembly);
  const shared = new Map<string, string>();
  const steps = reader.steps.map((op, i) => buildStep(module, reader, assembly, op, i, shared));
  const { inputs, outputs, fractions, load, blocks, buffers } = reader;
  const plan: CpuPlan = { name: module.name, inputs, outputs, ...(fractions.length === 0 ? {} : { fractions }), load, blocks, geometry, buffers, steps, arithmetic, bitmapCells: BITMAP_CELLS, checks: assembly.checks, scratch: assembly.scratch, heap: assembly.dataEnd };
  return { plan, wat: assembly.text() };
}

/** The functions that build all site sets and rulebooks, and their plan. */
export function buildGeometry(assembly: Assembly, spec: GeometrySpec): CpuPlan["geometry"] {
  const index = new Map(spec.sites.map((s, i) => [s.id, i]));
  addCount(assembly);
  for (const dim of new Set(spec.sites.map((s) => s.dim))) {
    addHash(assembly, dim);
    addHashSort(assembly, dim);
    addHashEmit(assembly, dim);
    addHashDerive(assembly, dim, spec.sites.some((s) => s.dim === dim && s.kind === "generate"));
    addHashSearch(assembly, dim);
  }
  const sites = spec.sites.map((s): CpuSite => {
    const { id, dim, kernel, stride, padding, dilation, extents } = s;
    const kind = s.kind === "full" || s.kind === "points" ? "input" : s.kind;
    if (kind === "sorted") throw new Error("internal: a sorted copy on a target that sorts all sets");
    const lists = { ...(kernel && { kernel }), ...(stride && { stride }), ...(padding && { padding }), ...(dilation && { dilation }), ...(extents && { extents }) };
    const others = s.others === undefined ? {} : { others: s.others.map((p) => index.get(p)!) };
    const head = { id, kind, dim, of: s.of === undefined || kind === "cells" ? -1 : index.get(s.of)!, ...pointsOf(s, index), ...others, ...lists, emit: addEmit(assembly, dim) };
    if (kind === "members") return { ...head, mark: "", members: { into: index.get(s.into!)!, search: s.search! } };
    if (kind === "union" || kind === "voxels" || kind === "cells") return { ...head, mark: addMarkInput(assembly, dim) };
    if (kind === "prune") {
      addHashPruned(assembly, dim);
      return { ...head, mark: addMarkInput(assembly, dim), pruned: addMarkPruned(assembly, dim) };
    }
    if (kind !== "input") return { ...head, mark: addDerive(assembly, s) };
    if (s.kind === "full") return { ...head, full: true, mark: addMarkInput(assembly, dim) };
    return { ...head, mark: addMarkInput(assembly, dim), check: addCheck(assembly, dim), place: addPlaceInput(assembly, dim) };
  });
  const rulebooks = spec.rulebooks.map((r): CpuRulebook => {
    const { name, kernel, stride, padding, dilation } = r;
    assembly.needScratch(hashSearchScratch(volume(kernel)));
    return {
      name, from: index.get(r.from)!, to: index.get(r.to)!, kernel, stride, padding, dilation,
      ...(r.forward ? { forward: addSearch(assembly, r, "forward") } : {}),
      ...(r.transposed ? { transposed: addSearch(assembly, r, "transposed") } : {}),
    };
  });
  return { sites, rulebooks };
}

function buildStep(module: Module, reader: PlanReader, assembly: Assembly, op: Op, index: number, shared: Map<string, string>): CpuStep {
  const rows = string(op.attrs, "rows");
  const body = { kind: op.name.slice("step.".length), ...(op.attrs["spec"] as object) } as SpecBody;
  const { name, header } = describeStep(module, op, body, index);
  if (body.kind === "prune") {
    const binding = reader.bindingOf(op.operands[0]!);
    if (binding.bind !== "buffer") throw new Error("internal: a mask in no buffer");
    const site = reader.geometry.sites.findIndex((s) => s.id === body.sites);
    const prune = { site, stride: body.source.stride, offset: body.source.offset, above: body.above };
    return { kernel: "prune", source: printLocBriefly(op.loc), rows: reader.rows(rows), rowsPerUnit: 1, groups: 1, bindings: [binding], macs: { perRow: 0, perPair: [] }, prune };
  }
  const kernel = buildStepKernel(assembly, { ...body, name, header, rows: 0 } as FeatureSpec);
  const text = printSexpr(kernel.func.f.finish()).replaceAll(name, "");
  const known = shared.get(text);
  if (known === undefined) {
    shared.set(text, name);
    assembly.add(kernel.func.f, header);
  }
  const roles = op.attrs["roles"] as readonly string[];
  const byRole = new Map(roles.map((role, i) => [role, reader.bindingOf(op.operands[i]!)]));
  const bindings = kernel.bindings.map((role): CpuBinding => {
    const binding = byRole.get(role === REDUCED_ROWS ? "coords" : role);
    if (binding === undefined || binding.bind === "counts") throw new Error(`internal: ${op.name} has no operand for ${role}`);
    return role === REDUCED_ROWS && binding.bind === "coords" ? { bind: "rows", site: binding.site } : binding;
  });
  const macs = stepMacs(body, (role) => {
    const region = byRole.get(role);
    return region?.bind === "map" ? region.rulebook : -1;
  });
  return { kernel: known ?? name, source: printLocBriefly(op.loc), rows: reader.rows(rows), rowsPerUnit: kernel.rowsPerUnit, groups: kernel.groups, bindings, macs };
}
