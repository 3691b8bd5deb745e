import { string, type Module, type Op } from "../../ir/module.ts";
import { makeDeferred } from "../../runtime/cpu/deferred.ts";
import { isDenseInput, tensorRows } from "../../runtime/dense-inputs.ts";
import { sparseInputs } from "../../runtime/inputs.ts";
import { packBlock, runLoadPhase, type WeightTensor } from "../../runtime/load.ts";
import { placeBuffers } from "../../runtime/placement.ts";
import { rowBytes, type BufferPlan, type StepBinding } from "../../runtime/plan.ts";
import type { FeatureSpec } from "../wgsl/spec.ts";
import { executeStep, type StepMemory } from "./execute-step.ts";
import { placeInput } from "./place-input.ts";
import { executeGeometry, type ExecutedGeometry } from "./geometry-executor.ts";
import { PlanReader } from "./plan-reader.ts";

export interface PlanInput {
  /** Rows of [batch, c0, …], flat, of points their positions; not read of a dense tensor, whose features are [batch, channels, extents…]. */
  readonly coords: Int32Array | Float32Array;
  readonly features: Float32Array;
}

export interface PlanOutput {
  readonly rows: number;
  /** Floats per row or batch item. */
  readonly width: number;
  readonly data: Float32Array;
  /** Of outputs on a site set. */
  readonly coords: Int32Array | undefined;
}

/**
 * Runs a plan module without an adapter: the same geometry, the same parameter blocks, the same arena offsets, every
 * step in plain loops. Memory begins as NaN, so a step that reads what nothing wrote shows. `columnTile` is that of the
 * target that the plan was lowered for. Sites that depend on data have room for all rows, as memory is laid out before.
 */
export function executePlan(module: Module, inputs: Readonly<Record<string, PlanInput>>, weights: (name: string) => WeightTensor | undefined, batch: number, columnTile = Infinity): Record<string, PlanOutput> {
  const reader = new PlanReader(module);
  const coords = new Map<number, Int32Array>();
  const places = new Map<number, Float32Array>();
  for (const input of sparseInputs(reader)) {
    const given = inputs[input.name]!.coords;
    const placed = placeInput(reader.geometry, input, given, new Set(reader.fractions.map((f) => f.cells)));
    for (const [site, list] of placed.coords) coords.set(site, list);
    for (const { cells, buffer } of reader.fractions) if (placed.fractions.has(cells)) places.set(buffer, placed.fractions.get(cells)!);
  }
  let geometry = executeGeometry(reader.geometry, coords, batch);
  const most = geometry;
  const prunings = new Map<string, (row: number) => boolean>();
  const values = runLoadPhase(reader.load, weights);
  const rows = (b: BufferPlan): number => (b.rows === "batch" ? batch : geometry.rows[b.rows.site]!);
  const room = (b: BufferPlan): number => (b.rows === "batch" ? batch : most.rows[b.rows.site]!);
  const placement = placeBuffers(reader.buffers.map((b) => ({ bytes: room(b) * rowBytes(b), live: b.live })));
  const arena = new Uint8Array(placement.peak).fill(0xff).buffer;
  const numbers = (index: number): number => rows(reader.buffers[index]!) * reader.buffers[index]!.width;
  const view = (index: number): Float32Array => new Float32Array(arena, placement.offsets[index]!, numbers(index));
  const halves = (index: number): Uint16Array => new Uint16Array(arena, placement.offsets[index]!, numbers(index));
  for (const input of reader.inputs) {
    const { features } = inputs[input.name]!;
    view(input.buffer).set(isDenseInput(input) ? tensorRows(input, features) : features);
  }
  for (const [buffer, fractions] of places) view(buffer).set(fractions);
  reader.steps.forEach((op, i) => {
    reader.buffers.forEach((b, index) => {
      if (b.zero && b.live[0] === i) view(index).fill(0);
    });
    const spec = { kind: op.name.slice("step.".length), ...(op.attrs["spec"] as object) } as FeatureSpec;
    if (spec.kind === "prune") {
      const mask = view(reader.bufferOf(op.operands[0]!)).slice();
      prunings.set(spec.sites, (row) => mask[row * spec.source.stride + spec.source.offset]! > spec.above);
      geometry = executeGeometry(reader.geometry, coords, batch, new Map(), prunings);
      return;
    }
    executeStep(spec, memoryOf(reader, op, geometry, batch, { view, halves }, (block) => packBlock(reader.blocks[block]!, values), columnTile));
  });
  return Object.fromEntries(
    reader.outputs.map((o): [string, PlanOutput] => {
      const { name, buffer: index, deferred } = o;
      if (deferred !== undefined) {
        const width = o.shape.reduce((a, b) => a * b, 1);
        const data = makeDeferred(name, deferred, batch * width, view(index), geometry.coords[deferred.site]!, undefined);
        return [name, { rows: batch, width, data, coords: undefined }];
      }
      const b = reader.buffers[index]!;
      return [name, { rows: rows(b), width: b.width, data: view(index).slice(), coords: b.rows === "batch" ? undefined : geometry.coords[b.rows.site]! }];
    }),
  );
}

/** Buffers in the arena, by index. */
interface Buffers {
  view(index: number): Float32Array;
  halves(index: number): Uint16Array;
}

function memoryOf(reader: PlanReader, op: Op, geometry: ExecutedGeometry, batch: number, buffers: Buffers, block: (index: number) => Float32Array, columnTile: number): StepMemory {
  const roles = op.attrs["roles"] as readonly string[];
  const binding = (role: string): StepBinding => reader.bindingOf(op.operands[roles.indexOf(role)]!);
  const wrong = (role: string): Error => new Error(`internal: ${op.name} binds ${role} to something else`);
  const buffer = (role: string): number => {
    const b = binding(role);
    if (b.bind !== "buffer") throw wrong(role);
    return b.buffer;
  };
  const rows = reader.rows(string(op.attrs, "rows"));
  const params = roles.includes("params") ? binding("params") : undefined;
  return {
    rows: rows === "batch" ? batch : geometry.rows[rows.site]!,
    batch,
    floats: (role) => buffers.view(buffer(role)),
    halves: (role) => buffers.halves(buffer(role)),
    map: (role) => {
      const b = binding(role);
      if (b.bind !== "map" || b.form === "halo") throw wrong(role);
      return geometry.map(b.rulebook, b.form);
    },
    coords: (role) => {
      const b = binding(role);
      if (b.bind !== "coords") throw wrong(role);
      return geometry.coords[b.site]!;
    },
    params: params?.bind === "params" ? block(params.block) : new Float32Array(0),
    columnTile,
  };
}
