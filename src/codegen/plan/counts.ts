import { string, type Module, type Op } from "../../ir/module.ts";
import { CHUNKS, type DenseTarget, type EpilogueStep, type FeatureSpec, type MapAccess, type RowAccess } from "../wgsl/spec.ts";
import { stepMacs } from "./describe.ts";
import type { ExecutedGeometry } from "./geometry-executor.ts";
import type { GeometrySpec } from "./geometry-spec.ts";
import { MapCounts, type TileForm } from "./map-counts.ts";
import { PlanReader } from "./plan-reader.ts";
import type { SpecBody } from "./step-draft.ts";

/** What one dispatch (or call) of the feature phase does on a scene. */
export interface StepCounts {
  readonly kind: SpecBody["kind"];
  readonly rows: number;
  /** Entries of its rulebooks that it uses. */
  readonly pairs: number;
  /** Gathered rows that it multiplies, those that add nothing included. */
  readonly multiplied: number;
  /** Multiply-accumulates of the pairs and rows: 2 FLOP each. */
  readonly macs: number;
  /** Each operand once, and the gathered rows. */
  readonly bytes: number;
  /** Whether its rows or pairs depend on data: the numbers are then the most there can be. */
  readonly most?: true;
}

/** Numbers of a plan on a scene that do not depend on a machine. */
export interface PlanCounts {
  readonly steps: readonly StepCounts[];
  /** Rulebooks searched. */
  readonly searches: number;
  readonly pairs: number;
  readonly multiplied: number;
  readonly macs: number;
  /** Of the feature phase. */
  readonly bytes: number;
}

/** Counts a plan's feature phase on the sites and rulebooks of a scene. `tiles` is how the target's kernels take rows. */
export function countPlan(module: Module, geometry: ExecutedGeometry, batch: number, tiles: TileForm): PlanCounts {
  const reader = new PlanReader(module);
  const maps = new MapCounts(geometry, tiles);
  const late = lateSites(reader.geometry);
  const steps = reader.steps.map((op): StepCounts => ({ ...countStep(reader, op, geometry, batch, maps), ...(dependsOn(reader, op, late) ? { most: true } : {}) }));
  const sum = (of: (s: StepCounts) => number): number => steps.reduce((n, s) => n + of(s), 0);
  return { steps, searches: reader.geometry.rulebooks.length, pairs: sum((s) => s.pairs), multiplied: sum((s) => s.multiplied), macs: sum((s) => s.macs), bytes: sum((s) => s.bytes) };
}

/** Pruned sets and what derives from them, by id. */
function lateSites({ sites }: GeometrySpec): ReadonlySet<string> {
  const late = new Set<string>();
  for (const s of sites) if (s.kind === "prune" || [s.of, ...(s.others ?? [])].some((id) => id !== undefined && late.has(id))) late.add(s.id);
  return late;
}

/** Whether a step is on one of the sets, or reads a rulebook from or to one. */
function dependsOn(reader: PlanReader, op: Op, late: ReadonlySet<string>): boolean {
  if (late.has(string(op.attrs, "rows"))) return true;
  return op.operands.some((value) => {
    const binding = reader.bindingOf(value);
    if (binding.bind !== "map") return false;
    const { from, to } = reader.geometry.rulebooks[binding.rulebook]!;
    return late.has(from) || late.has(to);
  });
}

function countStep(reader: PlanReader, op: Op, geometry: ExecutedGeometry, batch: number, maps: MapCounts): StepCounts {
  const spec = { kind: op.name.slice("step.".length), ...(op.attrs["spec"] as object) } as FeatureSpec;
  const roles = op.attrs["roles"] as readonly string[];
  const region = (role: string): { readonly rulebook: number; readonly form: "forward" | "transposed" } => {
    const binding = reader.bindingOf(op.operands[roles.indexOf(role)]!);
    if (binding.bind !== "map" || binding.form === "halo") throw new Error(`internal: ${role} is bound to no rulebook`);
    return { rulebook: binding.rulebook, form: binding.form };
  };
  const siteRows = (rows: string): number => {
    const of = reader.rows(rows);
    return of === "batch" ? batch : geometry.rows[of.site]!;
  };
  const sourceRows = (access: RowAccess): number => {
    const buffer = reader.buffers[reader.bufferOf(op.operands[roles.indexOf(access.role)]!)]!;
    return buffer.rows === "batch" ? batch : geometry.rows[buffer.rows.site]!;
  };
  const rows = siteRows(string(op.attrs, "rows"));
  const pairsOf = (map: MapAccess): number => maps.pairs(region(map.role).rulebook, region(map.role).form, map);
  const macs = stepMacs(spec, () => 0);
  const paramBytes = roles.includes("params") ? 4 * blockFloats(reader, op, roles) : 0;
  const read = (access: RowAccess): number => numberBytes(access) * access.channels * sourceRows(access);
  const bound = new Set<string>();
  const mapBytes = (map: MapAccess): number => {
    if (bound.has(map.role)) return 0;
    bound.add(map.role);
    return maps.bytes(region(map.role).rulebook, region(map.role).form, map);
  };
  let bytes = paramBytes + epilogueBytes(spec, rows, read) + ("target" in spec ? targetBytes(spec.target, rows) : 0);
  switch (spec.kind) {
    case "conv": {
      let [pairs, multiplied, products] = [0, 0, rows * macs.perRow];
      const columns = spec.columns[1] - spec.columns[0];
      for (const term of spec.terms) {
        bytes += read(term.source);
        if (term.map === undefined) continue;
        const { rulebook, form } = region(term.map.role);
        const found = pairsOf(term.map);
        pairs += found;
        multiplied += maps.multiplied(rulebook, form, term.map, spec.tile?.dataflow ?? "masked");
        products += found * term.source.channels * columns;
        bytes += mapBytes(term.map) + numberBytes(term.source) * found * term.source.channels;
      }
      return { kind: spec.kind, rows, pairs, multiplied, macs: products, bytes };
    }
    case "grouped": {
      const found = pairsOf(spec.map);
      const products = found * spec.reads * (spec.columns[1] - spec.columns[0]);
      return {
        kind: spec.kind, rows, pairs: found, multiplied: found, macs: products,
        bytes: bytes + read(spec.source) + mapBytes(spec.map) + 4 * found * spec.source.channels,
      };
    }
    case "pair": {
      const { rulebook, form } = region(spec.map.role);
      const found = pairsOf(spec.map);
      const halo = maps.halo(rulebook, form, spec.map.stored);
      bytes += read(spec.source) + mapBytes(spec.map) + numberBytes(spec.source) * halo.pairs * spec.source.channels + 4 * maps.haloWords(rows, spec.map.stored);
      return {
        kind: spec.kind, rows, pairs: 2 * found, multiplied: halo.rows * spec.map.taps.length + maps.multiplied(rulebook, form, spec.map, "masked"),
        macs: rows * macs.perRow + found * (spec.source.channels * spec.middle + spec.middle * spec.cout), bytes,
      };
    }
    case "pool": {
      const found = pairsOf(spec.map);
      return { kind: spec.kind, rows, pairs: found, multiplied: found, macs: 0, bytes: bytes + read(spec.source) + mapBytes(spec.map) + numberBytes(spec.source) * found * spec.source.channels };
    }
    case "devoxelize": {
      const found = pairsOf(spec.map);
      const products = found * spec.source.channels;
      return { kind: spec.kind, rows, pairs: found, multiplied: found, macs: products, bytes: bytes + read(spec.source) + read(spec.fractions) + mapBytes(spec.map) + numberBytes(spec.source) * products };
    }
    case "voxelize":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + read(spec.source) + 8 * sourceRows(spec.source) };
    case "prune":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + read(spec.source) };
    case "fill":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes };
    case "pointwise":
    case "row_norm":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: rows * macs.perRow, bytes: bytes + read(spec.source) };
    case "softmax":
    case "active":
    case "interpolate":
    case "normalise":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + read(spec.source) + (spec.kind === "normalise" ? read(spec.statistics) + coordBytes(spec, rows) : 0) };
    case "broadcast":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + (spec.source === undefined ? 0 : read(spec.source)) + read(spec.vector) + coordBytes(spec, rows) };
    case "moments":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + read(spec.source) };
    case "statistics":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + CHUNKS * read(spec.source) };
    case "global_pool":
      return { kind: spec.kind, rows, pairs: 0, multiplied: 0, macs: 0, bytes: bytes + read(spec.source) + 4 * (spec.dim + 1) * sourceRows(spec.source) };
  }
}

function blockFloats(reader: PlanReader, op: Op, roles: readonly string[]): number {
  const binding = reader.bindingOf(op.operands[roles.indexOf("params")]!);
  return binding.bind === "params" ? reader.blocks[binding.block]!.floats : 0;
}

const numberBytes = (access: RowAccess): number => (access.half === true ? 2 : 4);

/** A dense result is written where sites are, and reads their coordinates. */
function targetBytes(target: RowAccess | DenseTarget, rows: number): number {
  return "coords" in target ? 4 * (target.channels + target.extents.length + 1) * rows : numberBytes(target) * target.channels * rows;
}

/** Coordinates that say which batch item each row is of. */
const coordBytes = (spec: { readonly coords?: string; readonly dim: number }, rows: number): number => (spec.coords === undefined ? 0 : 4 * (spec.dim + 1) * rows);

/** What epilogues read beside the accumulated rows, and what they store beside the result. */
function epilogueBytes(spec: FeatureSpec, rows: number, read: (access: RowAccess) => number): number {
  const steps: readonly EpilogueStep[] = spec.kind === "pair" ? [...spec.first, ...spec.second] : "epilogue" in spec ? spec.epilogue : [];
  return steps.reduce((n, s) => {
    if (s.do === "add" || s.do === "mul") return n + read(s.source);
    return s.do === "emit" ? n + numberBytes(s.target) * s.target.channels * rows : n;
  }, 0);
}
