import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { suggest } from "../../parser/diagnostics/suggest.ts";
import type { Call, GroundValue, NetHost, OperationSignature, Place as SourcePlace, Tensor, TensorType, VoxelsValue } from "../../parser/elaborate/host.ts";
import { errorValue, type Value } from "../../parser/elaborate/values.ts";
import type { Span } from "../../parser/span.ts";
import { ModuleBuilder } from "../builder.ts";
import type { Ground } from "../ground.ts";
import type { Loc, Place } from "../loc.ts";
import type { Module, ValueId } from "../module.ts";
import { voxelGridProblem } from "../voxel-grid.ts";
import { SiteTable, type Geometry, type SiteId } from "../sites.ts";
import type { DenseType, FeatType, VecType } from "../types.ts";
import { defaultLayout, dialects, type Dialect } from "./dialects.ts";
import { numbersOf } from "./numbers.ts";
import { weightLayouts, type KnownParam, type WeightLayout } from "./params.ts";
import { surfaceOps } from "./registry.ts";
import type { KernelShape } from "./shape.ts";
import { isFloat32, Use } from "./use.ts";

/** A convolution or pool that led from one site set to another. `up` looks for them. */
export interface Step {
  readonly from: SiteId;
  readonly to: SiteId;
  readonly geometry: StepGeometry;
  readonly span: Span;
}

/** A geometry with the shape of its kernel. */
export interface StepGeometry extends Geometry {
  readonly shape: KernelShape;
}

/** Names of the axes of a dense input, the last of these. */
const GRID_AXES = ["t", "z", "y", "x"];

/** Cells of a dense grid, per batch item: far from any image and near enough for its coordinates to be listed. */
export const mostCells = 2 ** 24;

/** Line and column of a span's start. */
export type Locate = (span: Span) => { readonly file: string; readonly line: number; readonly column: number };

/** A net on its way from source to IR: the other end of elaboration. */
export class NetUnderConstruction implements NetHost {
  readonly builder: ModuleBuilder;
  readonly sites = new SiteTable();
  readonly params = new Map<string, KnownParam>();
  /** The values whose inactive sites hold something. */
  readonly grounds = new Map<ValueId, Ground>();
  dialect: Dialect | undefined;
  operationCount = 0;
  readonly #steps = new Map<SiteId, readonly Step[]>();
  readonly #origins = new Map<ValueId, Span>();
  readonly #outputs = new Set<ValueId>();
  /** What `to_dense` made, of what, and the features on a grid that stand for it. */
  readonly #dense = new Map<ValueId, { readonly x: ValueId; readonly fold: string; readonly loc: Loc }>();
  readonly #grids = new Map<ValueId, ValueId>();
  readonly #declared = new Map<SiteId, GroundValue>();
  readonly #locate: Locate;
  readonly #report: (diagnostic: Diagnostic) => void;
  readonly #layoutOverride: string | undefined;
  readonly #chosen = new Map<"dialect" | "layout", Span>();
  #layout: string | undefined;

  constructor(name: string, locate: Locate, layoutOverride: string | undefined, report: (diagnostic: Diagnostic) => void) {
    this.builder = new ModuleBuilder("net", name, this.sites);
    this.#locate = locate;
    this.#layoutOverride = layoutOverride;
    this.#report = report;
  }

  get layout(): WeightLayout {
    const name = this.#layoutOverride ?? this.#layout ?? this.dialect?.layout ?? defaultLayout;
    const found = weightLayouts.get(name);
    if (found === undefined) throw new Error(`internal: weight layout ${name} does not exist`);
    return found;
  }

  /** Remembers that a convolution or pool led from one site set to that of `result`. */
  recordStep(from: SiteId, result: ValueId, geometry: StepGeometry, span: Span): void {
    const type = this.builder.typeOf(result);
    if (type.kind === "feat" && type.sites !== from) this.#steps.set(type.sites, [...(this.#steps.get(type.sites) ?? []), { from, to: type.sites, geometry, span }]);
  }

  /** The steps that led to a site set, in the order of the source. */
  stepsTo(sites: SiteId): readonly Step[] {
    return this.#steps.get(sites) ?? [];
  }

  report(diagnostic: Diagnostic, via: readonly Span[] = []): void {
    const calls = via.slice(0, 3).map((span) => ({ span, text: "in the block called here" }));
    this.#report({ ...diagnostic, labels: [...diagnostic.labels, ...calls] });
  }

  setDialect(name: string, span: Span): void {
    if (!this.#choose("dialect", name, span, [...dialects.keys()])) return;
    this.dialect = dialects.get(name);
  }

  setLayout(name: string, span: Span): void {
    if (this.#choose("layout", name, span, [...weightLayouts.keys()])) this.#layout = name;
  }

  /** True when the choice counts: known, the first of its kind, and before the first operation. */
  #choose(what: "dialect" | "layout", name: string, span: Span, known: readonly string[]): boolean {
    const earlier = this.#chosen.get(what);
    if (earlier !== undefined) {
      this.report(diagnose("SP0206", { name: what }, [{ span, text: "chosen again" }, { span: earlier, text: "chosen here" }]));
      return false;
    }
    this.#chosen.set(what, span);
    if (!known.includes(name)) {
      const meant = suggest(name, known);
      const help = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span, text: meant }] } };
      this.report(diagnose("SP0225", { what, name }, [{ span, text: `known: ${known.join(", ")}` }], help));
      return false;
    }
    if (this.operationCount > 0) this.report(diagnose("SP0226", { what: `\`${what}\`` }, [{ span, text: "comes before the first operation" }]));
    return true;
  }

  declareSites(name: string, axes: readonly string[], extents: readonly number[] | undefined, ground: GroundValue | undefined): string {
    const id = this.sites.addInput({ kind: "input", name, axes, extents });
    if (ground !== undefined) this.#declared.set(id, ground);
    const beyond = [ground?.value ?? []].flat().find((value) => !isFloat32(value));
    if (ground !== undefined && beyond !== undefined) this.report(diagnose("SP0430", { parameter: "ground", expected: "a number", found: beyond }, [{ span: ground.span, text: "cannot be computed with" }]));
    return id;
  }

  declarePoints(name: string, axes: readonly string[]): string {
    return this.sites.addInput({ kind: "points", name, axes });
  }

  declareVoxels(name: string, axes: readonly string[], extents: readonly number[] | undefined, { points, size, origin, rounding, outside, maxVoxels, span }: VoxelsValue): string | undefined {
    const def = this.sites.def(points.id);
    const perAxis = (list: number | readonly number[]): readonly number[] => (typeof list === "number" ? axes.map(() => list) : list);
    const grid = { axes, extents, size: perAxis(size.value), origin: perAxis(origin?.value ?? 0), rounding, outside: outside.value, ...(maxVoxels === undefined ? {} : { maxVoxels }) };
    const why = def.kind === "points" ? voxelGridProblem(grid, def.axes) : "needs points, this is a site set";
    if (why === undefined) return this.sites.deriveVoxels(name, points.id, grid);
    this.report(diagnose("SP0493", { why: `the grid ${why}` }, [{ span, text: "these voxels" }]));
    return undefined;
  }

  coarseSites(root: string, stride: number | readonly number[]): string {
    if (this.isPoints(root)) return root;
    return this.sites.deriveFloor(root, typeof stride === "number" ? this.sites.axes(root).map(() => stride) : stride);
  }

  /** Whether a set is one of points, which lie on no grid. */
  isPoints(sites: SiteId): boolean {
    return this.sites.def(sites).kind === "points";
  }

  input(name: string, sites: string, channels: number, place: SourcePlace): Tensor {
    const given = this.builder.one("input", [], { name, sites, channels }, this.loc(place));
    const declared = this.#declared.get(sites);
    const value = declared === undefined ? given : this.#declaredGround(given, declared, channels, place);
    this.#origins.set(value, place.span);
    return { id: value };
  }

  denseInput(name: string, shape: readonly number[], place: SourcePlace): Tensor | undefined {
    const [channels, ...extents] = shape as readonly [number, ...number[]];
    const cells = extents.reduce((a, b) => a * b, 1);
    if (cells > mostCells) {
      this.report(diagnose("SP0424", { what: "the grid of a dense tensor", limit: mostCells }, [{ span: place.span, text: `${extents.join(" × ")} cells` }]));
      return undefined;
    }
    const sites = this.sites.fullGrid(GRID_AXES.slice(-extents.length), extents);
    const value = this.builder.one("input", [], { name, sites, channels }, this.loc(place));
    this.#origins.set(value, place.span);
    return { id: value };
  }

  /** An input on a field that holds the ground declared for its sites. */
  #declaredGround(input: ValueId, { value, span }: GroundValue, channels: number, place: SourcePlace): ValueId {
    const row = typeof value === "number" ? Array.from({ length: channels }, () => value) : value;
    if (row.length !== channels) {
      this.report(diagnose("SP0470", { found: row.length, channels }, [{ span, text: `${row.length} numbers` }, { span: place.span, text: `${channels} channels` }]));
      return input;
    }
    return this.onGround(input, row, this.loc(place));
  }

  /** Features all of whose inactive sites hold a row, one number per channel. */
  onGround(x: ValueId, row: readonly number[], loc: Loc): ValueId {
    const grounded = this.builder.one("ground", [x], { value: row }, loc);
    this.grounds.set(grounded, row.every((v) => v === 0) ? "zero" : "constant");
    return grounded;
  }

  output(name: string, tensor: Tensor, place: SourcePlace): void {
    const type = this.builder.typeOf(tensor.id);
    const value = type.kind === "feat" && this.isGrid(type) ? this.builder.one("to_dense", [tensor.id], {}, this.loc(place)) : tensor.id;
    this.#outputs.add(value);
    this.builder.output(name, value, this.loc(place));
  }

  /** Whether these features are a dense tensor to the user: they have a row for every cell. */
  isGrid(type: FeatType): boolean {
    return this.sites.isFull(type.sites);
  }

  /** The features on a full grid that stand for what `to_dense` made; undefined for other values, and where channels are last. */
  gridOf(value: ValueId): ValueId | undefined {
    const known = this.#grids.get(value);
    const made = this.#dense.get(value);
    if (known !== undefined || made === undefined) return known;
    const grid = this.builder.one("to_grid", [made.x], { fold: made.fold }, made.loc);
    this.#origins.set(grid, this.origin({ id: value }));
    this.#grids.set(value, grid);
    return grid;
  }

  /** Remembers a dense tensor of sparse features that operations may go on with. */
  recordDense(value: ValueId, x: ValueId, fold: string, loc: Loc): void {
    this.#dense.set(value, { x, fold, loc });
  }

  call(operation: OperationSignature, call: Call): Value {
    const op = surfaceOps.get(operation.name);
    if (op === undefined) throw new Error(`internal: no surface operation ${operation.name}`);
    this.operationCount++;
    const value = op.build(new Use(this, op.name, call));
    if (value === undefined) return errorValue;
    // An operation may be the identity (`cat` of one value): its origin stays.
    if (!this.#origins.has(value)) this.#origins.set(value, call.span);
    return { kind: "tensor", tensor: { id: value } };
  }

  describe(tensor: Tensor): TensorType {
    return this.typeInfo(this.builder.typeOf(tensor.id) as FeatType | VecType | DenseType);
  }

  typeInfo(type: FeatType | VecType | DenseType): TensorType {
    if (type.kind === "dense") return { kind: "dense", shape: type.shape, numbers: numbersOf(type.dtype) };
    if (type.kind === "feat" && this.isGrid(type)) return { kind: "dense", shape: [type.channels, ...this.sites.extents(type.sites)!], numbers: numbersOf(type.dtype) };
    const sites = { id: type.sites, root: this.sites.root(type.sites), stride: this.sites.totalStride(type.sites) };
    return { kind: type.kind, sites, channels: type.channels, numbers: numbersOf(type.dtype) };
  }

  /** Axes and extents of a set, for messages: `z: 8, y: 8`. */
  describeAxes(id: SiteId): string {
    const extents = this.sites.extents(id);
    return this.sites.axes(id).map((axis, i) => (extents === undefined ? axis : `${axis}: ${extents[i]}`)).join(", ");
  }

  /** Axes, extents and total stride of a set, for messages: `S/2 (z: 8, y: 8), stride 2`. */
  describeGrid(id: SiteId): string {
    const stride = this.sites.totalStride(id);
    return `${id} (${this.describeAxes(id)}), stride ${stride.every((s) => s === stride[0]) ? stride[0] : stride.join(", ")}`;
  }

  origin(tensor: Tensor): Span {
    const span = this.#origins.get(tensor.id);
    if (span === undefined) throw new Error(`internal: value %${tensor.id} has no origin`);
    return span;
  }

  loc({ span, via }: SourcePlace): Loc {
    const [outer, ...rest] = via;
    const place = this.#locate(span);
    return [outer === undefined ? place : { ...place, via: this.#via(outer, rest) }];
  }

  #via(span: Span, rest: readonly Span[]): Place {
    const place = this.#locate(span);
    const [outer, ...more] = rest;
    return outer === undefined ? place : { ...place, via: this.#via(outer, more) };
  }

  /** The module, without the dense tensors that stand behind features on a grid and nobody reads. */
  finish(): Module {
    const module = this.builder.finish();
    const unread = new Set([...this.#grids.keys()].filter((value) => !this.#outputs.has(value)));
    if (unread.size === 0) return module;
    const ops = module.ops.filter((op) => !op.results.some((value) => unread.has(value)));
    return { ...module, ops, types: new Map([...module.types].filter(([value]) => !unread.has(value))) };
  }
}
