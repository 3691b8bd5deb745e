import { number, siteAttr, string, type Module, type Op, type ValueId } from "../../ir/module.ts";
import { typeOf } from "../../ir/module.ts";
import { cellPlaces } from "../../ir/interpolation.ts";
import type { BroadcastRule } from "../../ir/ops/broadcast.ts";
import type { SiteId } from "../../ir/sites.ts";
import type { ParamType, Type } from "../../ir/types.ts";
import { isWhole } from "../../ir/whole.ts";
import { WORKGROUP_BYTES } from "../wgsl/kernels/shape.ts";
import { CHUNKS, pad4, type ConvTerm, type DenseTarget, type HaloAccess, type MapAccess } from "../wgsl/spec.ts";
import { standardTile } from "./dataflow.ts";
import { DenseDraft } from "./dense-draft.ts";
import { float32Below } from "./float32.ts";
import { GeometryDraft, regionKey } from "./geometry-draft.ts";
import { lowerEpilogue, rowsOfParam, vectorsOf, type Item, type LoweredEpilogue } from "./lower-epilogue.ts";
import { lowerDevoxelize, lowerVoxelize, type PointSteps } from "./lower-points.ts";
import { MemoryDraft, rowsOf, type Place } from "./memory-draft.ts";
import { columnsPerBlock, ParamsDraft } from "./params-draft.ts";
import { Roles, type SpecBody, type StepDraft } from "./step-draft.ts";

/** What a target asks of the steps that are made for it. */
export interface StepTarget {
  /** Floats that one parameter block may hold. */
  readonly blockFloats: number;
  /** Columns of a tile in which matrices of parameters lie; Infinity: whole rows. */
  readonly columnTile: number;
  /** Whether rows of input sets are sorted too, instead of in the caller's order. */
  readonly sortedInputs: boolean;
  /** Whether convolutions have kernels to choose from. */
  readonly dataflows: boolean;
  /** Workgroup memory that they may take. */
  readonly workgroupBytes: number;
  /** Whether rows are multiplied one by one, so that products with their zeros can be left out. */
  readonly skipsZeros: boolean;
  /** Whether dense outputs can be made of their rows when they are handed over. */
  readonly defersDense: boolean;
}

/** WebGPU on portable limits: one binding holds 128 MiB. */
export const WEBGPU_STEPS: StepTarget = { blockFloats: (128 << 20) / 4, columnTile: Infinity, sortedInputs: false, dataflows: true, workgroupBytes: WORKGROUP_BYTES, skipsZeros: false, defersDense: false };

/** Input channels of a group from which on a matrix product per group beats going channel by channel. */
const GROUP_CHANNELS = 8;

/** Turns the ops of a fused module into steps, collecting geometry, memory and parameters on the way. */
export class StepLowering {
  readonly module: Module;
  readonly geometry: GeometryDraft;
  readonly memory: MemoryDraft;
  readonly steps: StepDraft[] = [];
  readonly dense: DenseDraft;

  readonly #target: StepTarget;
  readonly #points: PointSteps;
  /** Pruned sets that the steps so far make. */
  readonly #pruned = new Set<SiteId>();

  constructor(module: Module, target: StepTarget = WEBGPU_STEPS) {
    this.module = module;
    this.#target = target;
    this.geometry = new GeometryDraft(module);
    this.memory = new MemoryDraft(module);
    this.dense = new DenseDraft(module, this.geometry, this.memory, target.defersDense);
    this.#points = { module, geometry: this.geometry, memory: this.memory, placed: new Map(), push: (spec, rows, roles, loc) => this.#push(spec, rows, roles, this.#params(), loc) };
  }

  lower(op: Op): void {
    switch (op.name) {
      case "input":
        return this.#input(op);
      case "fused.conv":
        return this.#conv(op);
      case "fused.grouped":
        return this.#grouped(op);
      case "fused.pair":
        return this.#pair(op);
      case "fused.pointwise":
        return this.#rows(op, { kind: "pointwise" });
      case "fused.pool":
        return this.#pool(op);
      case "global_pool":
        return this.#globalPool(op);
      case "fused.normalise":
        return op.attrs["over"] === "row" ? this.#rows(op, { kind: "row_norm", eps: number(op.attrs, "eps") }) : this.#normalise(op);
      case "fused.broadcast":
        return this.#broadcast(op);
      case "softmax":
        return this.#softmax(op);
      case "interpolate":
        return this.#interpolate(op);
      case "active":
        return this.#active(op);
      case "prune":
        return this.#prune(op);
      case "voxelize":
        return lowerVoxelize(this.#points, op);
      case "devoxelize":
        return lowerDevoxelize(this.#points, op);
      case "to_dense":
        return this.#toDense(op);
      case "to_grid":
        return this.#toGrid(op);
      case "slice":
        return this.memory.view(op.results[0]!, op.operands[0]!, Number(op.attrs["from"]), Number(op.attrs["to"]));
      case "cat":
        for (const copy of this.memory.copies.get(op.results[0]!) ?? []) this.copy(copy.from, copy.to, op);
        return;
      default:
        if (op.name === "param" || op.name.startsWith("fold.") || op.name.startsWith("rulebook.")) return;
        throw new Error(`internal: no step for ${op.name}`);
    }
  }

  /** A step that copies a value into another place. */
  copy(from: ValueId, to: Place, op: Pick<Op, "loc">): void {
    const roles = new Roles();
    const source = roles.read("x", this.memory.place(from, ""));
    const target = roles.write("out", to);
    this.#push({ kind: "pointwise", source, epilogue: [], target }, this.#type(from), roles, this.#params(), op.loc);
  }

  #params(): ParamsDraft {
    return new ParamsDraft(this.#target.columnTile);
  }

  #type(value: ValueId): Type {
    return typeOf(this.module, value);
  }

  #push(spec: SpecBody, rows: Type, roles: Roles, params: ParamsDraft, loc: Op["loc"]): void {
    if (rows.kind === "feat") {
      const early = this.module.sites.pruned(rows.sites).find((id) => !this.#pruned.has(id));
      if (early !== undefined) throw new Error(`internal: a step is on sites of @${early} before they are made`);
      this.geometry.need(rows.sites);
    }
    if (params.floats > 0) roles.map.set("params", { kind: "block" });
    this.steps.push({ spec, rows: rowsOf(rows), roles: roles.map, writes: [...roles.writes], params, loc });
  }

  #input(op: Op): void {
    const value = op.results[0]!;
    const type = this.#type(value);
    if (type.kind !== "feat") return;
    this.geometry.need(type.sites);
    const name = string(op.attrs, "name");
    const buffer = this.memory.add({ label: name, rows: type.sites, shape: [type.channels], zero: false, input: name });
    this.memory.set(value, { buffer, channels: type.channels, stride: type.channels, offset: 0 });
  }

  #conv(op: Op): void {
    const terms = op.attrs["terms"] as readonly Item[];
    const first = terms[0]!;
    const weight = this.#type(op.operands[Number(first["w"])]!) as ParamType;
    const cout = weight.shape.at(-1)!;
    const rows = this.#rowsType(op, terms);
    const items = op.attrs["epilogue"] as readonly Item[];
    const matrixRows = terms.reduce((n, t) => n + rowsOfParam(this.module, op.operands[Number(t["w"])]!), 0);
    const width = columnsPerBlock(matrixRows + items.reduce((n, item) => n + vectorsOf(item), 0), cout, this.#target.blockFloats);
    for (let from = 0; from < cout; from += width) {
      const to = Math.min(cout, from + width);
      const roles = new Roles();
      const params = this.#params();
      const lowered = terms.map((t, i): ConvTerm => {
        const source = roles.read(`x${i}`, this.memory.place(op.operands[Number(t["x"])]!, `x${i}`));
        const w = op.operands[Number(t["w"])]!;
        const at = params.place(w, rowsOfParam(this.module, w), from, to);
        if (t["rb"] === undefined) return { source, weight: at };
        return { source, map: this.#map(roles, op.operands[Number(t["rb"])]!, `map${i}`), weight: at, ...(t["zeros"] === true && this.#target.skipsZeros ? { zeros: true } : {}) };
      });
      const columns: [number, number] = [from, to];
      const { epilogue, target } = this.#epilogue(op, items, roles, params, columns, rows, 0);
      const spec = { kind: "conv", terms: lowered, columns, epilogue, target: target! } as const;
      const tile = this.#target.dataflows ? standardTile(spec, this.#target.workgroupBytes) : undefined;
      this.#push(tile === undefined ? spec : { ...spec, tile }, rows, roles, params, op.loc);
    }
  }

  /** Small groups by a kernel of their own; of large ones each is a convolution of a part of the channels. */
  #grouped(op: Op): void {
    const term = (op.attrs["terms"] as readonly Item[])[0]!;
    const [x, w, rb] = [op.operands[Number(term["x"])]!, op.operands[Number(term["w"])]!, op.operands[Number(term["rb"])]!];
    const groups = Number(op.attrs["groups"]);
    const { shape } = this.#type(w) as ParamType;
    const [reads, cout] = [shape.at(-2)!, shape.at(-1)!];
    const writes = cout / groups;
    const large = reads >= GROUP_CHANNELS;
    const rows = this.#rowsType(op, [term]);
    const items = op.attrs["epilogue"] as readonly Item[];
    const width = columnsPerBlock(rowsOfParam(this.module, w) + items.reduce((n, item) => n + vectorsOf(item), 0), large ? writes : cout, this.#target.blockFloats);
    for (let from = 0, to = 0; from < cout; from = to) {
      const group = Math.floor(from / writes);
      to = Math.min(large ? (group + 1) * writes : cout, from + width);
      const roles = new Roles();
      const params = this.#params();
      const all = roles.read("x", this.memory.place(x, "x"));
      const weight = params.place(w, rowsOfParam(this.module, w), from, to, large ? "tiled" : "whole");
      const map = this.#map(roles, rb, "map");
      const columns: [number, number] = [from, to];
      const { epilogue, target } = this.#epilogue(op, items, roles, params, columns, rows, 0);
      if (!large) {
        this.#push({ kind: "grouped", source: all, map, weight, reads, writes, columns, epilogue, target: target! }, rows, roles, params, op.loc);
        continue;
      }
      const source = { ...all, channels: reads, offset: all.offset + group * reads };
      const spec = { kind: "conv", terms: [{ source, map, weight }], columns, epilogue, target: target! } as const;
      const tile = this.#target.dataflows ? standardTile(spec, this.#target.workgroupBytes) : undefined;
      this.#push(tile === undefined ? spec : { ...spec, tile }, rows, roles, params, op.loc);
    }
  }

  #pair(op: Op): void {
    const first = op.attrs["first"] as Item;
    const second = op.attrs["second"] as Item;
    const roles = new Roles();
    const params = this.#params();
    const x = op.operands[Number(first["x"])]!;
    const rows = this.#type(x);
    const source = roles.read("x", this.memory.place(x, "x"));
    const map = this.#map(roles, op.operands[Number(op.attrs["rb"])]!, "map");
    const resolved = this.geometry.use(op.operands[Number(op.attrs["halo"])]!);
    const halo: HaloAccess = { role: roles.region("halo", regionKey(resolved, "halo")), capacity: resolved.halo!.capacity };
    const w1 = op.operands[Number(first["w"])]!;
    const w2 = op.operands[Number(second["w"])]!;
    const middle = (this.#type(w1) as ParamType).shape.at(-1)!;
    const cout = (this.#type(w2) as ParamType).shape.at(-1)!;
    const firstWeight = params.place(w1, rowsOfParam(this.module, w1), 0, middle);
    const secondWeight = params.place(w2, rowsOfParam(this.module, w2), 0, cout);
    const a = this.#epilogue(op, first["epilogue"] as readonly Item[], roles, params, [0, middle], rows, 0, "inner");
    const b = this.#epilogue(op, second["epilogue"] as readonly Item[], roles, params, [0, cout], rows, a.results);
    this.#push(
      { kind: "pair", source, map, halo, middle, firstWeight, first: a.epilogue, cout, secondWeight, second: b.epilogue, target: b.target! },
      rows, roles, params, op.loc,
    );
  }

  /** Rows as they are, or each by its own statistics, then an epilogue. */
  #rows(op: Op, head: { readonly kind: "pointwise" } | { readonly kind: "row_norm"; readonly eps: number }): void {
    const roles = new Roles();
    const params = this.#params();
    const rows = this.#type(op.operands[0]!);
    const source = roles.read("x", this.memory.place(op.operands[0]!, "x"));
    const { epilogue, target } = this.#epilogue(op, op.attrs["epilogue"] as readonly Item[], roles, params, [0, source.channels], rows, 0);
    this.#push({ ...head, source, epilogue, target: target! }, rows, roles, params, op.loc);
  }

  #pool(op: Op): void {
    const roles = new Roles();
    const params = this.#params();
    const source = roles.read("x", this.memory.place(op.operands[0]!, "x"));
    const rb = this.#type(op.operands[1]!);
    if (rb.kind !== "rulebook") throw new Error("internal: pool without a rulebook");
    const map = this.#map(roles, op.operands[1]!, "map");
    const rows: Type = { kind: "feat", sites: rb.to, channels: source.channels, dtype: "f32" };
    const { epilogue, target } = this.#epilogue(op, op.attrs["epilogue"] as readonly Item[], roles, params, [0, source.channels], rows, 0);
    const mode = string(op.attrs, "mode") as "max" | "sum" | "avg";
    const divisor = op.attrs["divisor"] === "volume" ? Number(op.attrs["volume"]) : "count";
    this.#push({ kind: "pool", source, map, mode, divisor, epilogue, target: target! }, rows, roles, params, op.loc);
  }

  /** The sites first, then the rows that stay, through the search from all rows to them. */
  #prune(op: Op): void {
    const roles = new Roles();
    const [x, mask] = [op.operands[0]!, op.operands[1]!];
    const sites = siteAttr(op.attrs, "sites");
    const source = roles.read("mask", this.memory.place(mask, "mask"));
    this.geometry.need(sites);
    this.#pruned.add(sites);
    this.#push({ kind: "prune", source, above: float32Below(number(op.attrs, "above")), sites }, this.#type(mask), roles, this.#params(), op.loc);
    const moved = new Roles();
    const map: MapAccess = { role: moved.region("map", regionKey(this.geometry.pruning(sites), "forward")), stored: 1, taps: [0] };
    const from = moved.read("x", this.memory.place(x, "x"));
    const target = moved.write("out", this.memory.place(op.results[0]!, "out"));
    this.#push({ kind: "pool", source: from, map, mode: "sum", divisor: "count", epilogue: [], target }, this.#type(op.results[0]!), moved, this.#params(), op.loc);
  }

  #globalPool(op: Op): void {
    const x = op.operands[0]!;
    const type = this.#type(x);
    if (type.kind !== "feat") throw new Error("internal: global_pool of no sites");
    const roles = new Roles();
    const source = roles.read("x", this.memory.place(x, "x"));
    const dim = this.module.sites.dim(type.sites);
    const mode = string(op.attrs, "mode") as "max" | "sum" | "avg";
    const result = op.results[0]!;
    const target = roles.write("out", this.memory.place(result, "pooled"));
    const whole = isWhole(type.dtype) ? { whole: true as const } : {};
    this.#push({ kind: "global_pool", source, ...this.#order(type.sites, roles), dim, mode, target, ...whole }, this.#type(result), roles, this.#params(), op.loc);
  }

  /** The rows of a set in sorted order: their coordinates, and which row comes where unless they are sorted already. */
  #order(sites: SiteId, roles: Roles): { readonly order?: MapAccess; readonly coords: string } {
    this.geometry.need(sites);
    if (this.#target.sortedInputs || !this.geometry.inCallersOrder(sites)) return { coords: roles.region("coords", `coords:${sites}`) };
    const { search, sorted } = this.geometry.order(sites);
    const order: MapAccess = { role: roles.region("order", `map:${search}:forward`), stored: 1, taps: [0] };
    return { order, coords: roles.region("coords", `coords:${sorted}`) };
  }

  /** Moments of parts of the rows, their join, and then row by row. */
  #normalise(op: Op): void {
    const x = op.operands[0]!;
    const type = this.#type(x);
    if (type.kind !== "feat" && type.kind !== "vec") throw new Error("internal: normalisation of no rows");
    const sites = type.kind === "feat" ? type.sites : undefined;
    const dim = sites === undefined ? 0 : this.module.sites.dim(sites);
    const whole = op.attrs["over"] === "batch";
    const items: Type = { kind: "vec", sites: type.sites, channels: type.channels, dtype: "f32" };
    const width = 3 * pad4(type.channels);
    const parts = this.memory.add({ label: "moments", rows: "batch", shape: [CHUNKS * width], zero: false, input: "" });
    const joined = this.memory.add({ label: "statistics", rows: "batch", shape: [width], zero: false, input: "" });
    const rowsOfParts: Place = { buffer: parts, channels: width, stride: width, offset: 0 };
    const rowsOfItems: Place = { buffer: joined, channels: width, stride: width, offset: 0 };

    const first = new Roles();
    const from = first.read("x", this.memory.place(x, "x"));
    const reduced = { whole, dim, ...(sites === undefined ? {} : this.#order(sites, first)) };
    this.#push({ kind: "moments", source: from, ...reduced, target: first.write("moments", rowsOfParts) }, items, first, this.#params(), op.loc);

    const second = new Roles();
    const own = sites === undefined ? {} : { coords: this.#order(sites, second).coords };
    const source = second.read("moments", rowsOfParts);
    const target = second.write("statistics", rowsOfItems);
    this.#push({ kind: "statistics", source, whole, dim, ...own, channels: type.channels, groups: number(op.attrs, "groups"), eps: number(op.attrs, "eps"), target }, items, second, this.#params(), op.loc);

    const roles = new Roles();
    const params = this.#params();
    const rows = roles.read("x", this.memory.place(x, "x"));
    const statistics = roles.read("statistics", rowsOfItems);
    const coords = whole || sites === undefined ? {} : { coords: roles.region("coords", `coords:${sites}`) };
    const end = this.#epilogue(op, op.attrs["epilogue"] as readonly Item[], roles, params, [0, type.channels], type, 0);
    this.#push({ kind: "normalise", source: rows, statistics, whole, dim, ...coords, epilogue: end.epilogue, target: end.target! }, type, roles, params, op.loc);
  }

  #broadcast(op: Op): void {
    const [x, v] = [op.operands[0]!, op.operands[1]!];
    const type = this.#type(x);
    if (type.kind !== "feat") throw new Error("internal: a broadcast onto no sites");
    this.geometry.need(type.sites);
    const roles = new Roles();
    const params = this.#params();
    const by = string(op.attrs, "by") as BroadcastRule;
    const source = by === "copy" ? {} : { source: roles.read("x", this.memory.place(x, "x")) };
    const vector = roles.read("v", this.memory.place(v, "v"));
    const coords = roles.region("coords", `coords:${type.sites}`);
    const { epilogue, target } = this.#epilogue(op, op.attrs["epilogue"] as readonly Item[], roles, params, [0, vector.channels], type, 0);
    this.#push({ kind: "broadcast", ...source, vector, by, coords, dim: this.module.sites.dim(type.sites), epilogue, target: target! }, type, roles, params, op.loc);
  }

  #softmax(op: Op): void {
    const roles = new Roles();
    const source = roles.read("x", this.memory.place(op.operands[0]!, "x"));
    const target = roles.write("out", this.memory.place(op.results[0]!, "out"));
    this.#push({ kind: "softmax", source, log: op.attrs["log"] === true, target }, this.#type(op.results[0]!), roles, this.#params(), op.loc);
  }

  #interpolate(op: Op): void {
    const [x, axis] = [op.operands[0]!, number(op.attrs, "axis")];
    const [before, after] = [this.#type(x), this.#type(op.results[0]!)].map((type) => this.module.sites.extents(type.kind === "feat" ? type.sites : "")!) as [readonly number[], readonly number[]];
    const roles = new Roles();
    const source = roles.read("x", this.memory.place(x, "x"));
    const target = roles.write("out", this.memory.place(op.results[0]!, "out"));
    const inside = after.slice(axis + 1).reduce((a, b) => a * b, 1);
    this.#push({ kind: "interpolate", source, inside, ...cellPlaces(before[axis]!, after[axis]!, op.attrs["corners"] === true), target }, this.#type(op.results[0]!), roles, this.#params(), op.loc);
  }

  #active(op: Op): void {
    const [roles, params] = [new Roles(), this.#params()];
    const [x, ground] = op.operands as [ValueId, ValueId?];
    const source = roles.read("x", this.memory.place(x, "x"));
    const at = ground === undefined ? {} : { ground: params.place(ground, 1, 0, source.channels) };
    const target = roles.write("out", this.memory.place(op.results[0]!, "mask"));
    this.#push({ kind: "active", source, ...at, target }, this.#type(x), roles, params, op.loc);
  }

  #toDense(op: Op): void {
    const roles = new Roles();
    const [x, ground] = op.operands as [ValueId, ValueId?];
    const place = this.memory.place(x, "x");
    if (this.dense.defers(op.attrs)) {
      this.dense.defer(op.results[0]!, this.#type(x), op.attrs, place);
      return;
    }
    const source = roles.read("x", place);
    if (ground !== undefined) this.#fill(op, source.channels, ground);
    const target = this.dense.target(op.results[0]!, this.#type(x), op.attrs, roles);
    this.#push({ kind: "pointwise", source, epilogue: [], target }, this.#type(x), roles, this.#params(), op.loc);
  }

  /** Rows of a full grid are a dense tensor with its channels last: a scatter fills them. */
  #toGrid(op: Op): void {
    const roles = new Roles();
    const [x, ground] = op.operands as [ValueId, ValueId?];
    const result = op.results[0]!;
    const [rows, type] = [this.#type(x), this.#type(result)];
    if (rows.kind !== "feat" || type.kind !== "feat") throw new Error("internal: to_grid of no sites");
    const source = roles.read("x", this.memory.place(x, "x"));
    this.geometry.need(rows.sites);
    this.geometry.need(type.sites);
    const { channels } = type;
    // A scatter and what it fills write float32.
    const buffer = this.memory.add({ label: "grid", rows: type.sites, shape: [channels], zero: ground === undefined, input: "", ...(ground === undefined ? {} : { exact: true }) });
    const place = this.memory.set(result, { buffer, channels, stride: channels, offset: 0 });
    if (ground !== undefined) {
      const [fill, params] = [new Roles(), this.#params()];
      const run = channels / rows.channels;
      this.#push({ kind: "fill", target: fill.write("grid", place), channels: rows.channels, run, at: params.place(ground, 1, 0, rows.channels) }, type, fill, params, op.loc);
    }
    const axis = this.module.sites.axes(rows.sites).indexOf(string(op.attrs, "fold"));
    const target: DenseTarget = {
      role: roles.write("grid", place).role, coords: roles.region("coords", `coords:${rows.sites}`), channels: rows.channels,
      extents: this.module.sites.extents(rows.sites)!, fold: axis < 0 ? undefined : axis, last: true,
    };
    this.#push({ kind: "pointwise", source, epilogue: [], target }, rows, roles, this.#params(), op.loc);
  }

  /** The buffer of a dense result, every cell of which holds the ground. */
  #fill(op: Op, channels: number, ground: ValueId): void {
    const result = op.results[0]!;
    const type = this.#type(result);
    if (type.kind !== "dense") throw new Error("internal: a ground of no dense tensor");
    const volume = type.shape.reduce((a, b) => a * b, 1);
    const buffer = this.dense.buffer(result, type, false);
    const [roles, params] = [new Roles(), this.#params()];
    const target = roles.write("dense", { buffer, channels: volume, stride: volume, offset: 0 });
    const run = op.attrs["layout"] === "channels_last" ? 1 : volume / channels;
    this.#push({ kind: "fill", target, channels, run, at: params.place(ground, 1, 0, channels) }, type, roles, params, op.loc);
  }

  #rowsType(op: Op, terms: readonly Item[]): Type {
    for (const t of terms) {
      if (t["rb"] === undefined) continue;
      const rb = this.#type(op.operands[Number(t["rb"])]!);
      if (rb.kind === "rulebook") return { kind: "feat", sites: rb.to, channels: 0, dtype: "f32" };
    }
    return this.#type(op.operands[Number(terms[0]!["x"])]!);
  }

  #map(roles: Roles, value: ValueId, wanted: string): MapAccess {
    const resolved = this.geometry.use(value);
    return { role: roles.region(wanted, regionKey(resolved, resolved.form)), stored: resolved.stored, taps: resolved.taps };
  }

  #epilogue(
    op: Op, items: readonly Item[], roles: Roles, params: ParamsDraft,
    columns: readonly [number, number], rows: Type, result: number, part: "inner" | "whole" = "whole",
  ): LoweredEpilogue {
    const { module, memory } = this;
    const place = { op, module, memory, roles, params, dense: (value: ValueId, item: Item) => this.dense.end(value, rows, item, roles) };
    return lowerEpilogue(place, items, columns, result, part);
  }
}
