import fc from "fast-check";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import type { Loc, Place } from "../../src/ir/loc.ts";
import { voxelsProblem } from "../../src/ir/ops/points.ts";
import type { Attrs, Module, ValueId } from "../../src/ir/module.ts";
import { generatedExtent, SiteTable, type Geometry, type SiteId } from "../../src/ir/sites.ts";
import type { DType, FeatType, Type, VecType } from "../../src/ir/types.ts";
import { Tape } from "./tape.ts";

export type Rows = FeatType | VecType;

/** Adds random ops that are well-typed by construction; every kind of op of the level can come. */
export abstract class RandomModule {
  protected readonly tape: Tape;
  protected readonly b: ModuleBuilder;
  protected readonly root: SiteId;
  protected readonly values: ValueId[] = [];
  protected readonly dim: number;
  #names = 0;

  constructor(level: "net" | "fused", tape: Tape) {
    this.tape = tape;
    this.dim = tape.int(1, 3);
    const sites = new SiteTable();
    const extents = tape.bool() ? Array.from({ length: this.dim }, () => tape.int(3, 9)) : undefined;
    this.root = sites.addInput({ kind: "input", name: "S", axes: ["x", "y", "z"].slice(0, this.dim), extents });
    this.b = new ModuleBuilder(level, tape.pick(["net", "N \"quoted\" \n ü"]), sites);
    this.values.push(this.op("input", [], { name: "in", sites: this.root, channels: tape.int(1, 4) }));
  }

  readonly #onPoints: ValueId[] = [];
  #voxels: SiteId = "";

  /** An operation between points of the module's own and their voxels; what is on points stays apart, since most others refuse it. */
  protected points(): void {
    if (this.#onPoints.length === 0) {
      const axes = this.b.sites.axes(this.root);
      const extents = this.b.sites.extents(this.root);
      const of = this.b.sites.addInput({ kind: "points", name: "P", axes });
      this.#voxels = this.b.sites.deriveVoxels("V", of, { axes, extents, size: axes.map(() => this.tape.pick([0.3, 1, 2.5])), origin: axes.map(() => this.tape.pick([0, -1.25])), rounding: this.tape.pick(["floor", "nearest"]), outside: extents === undefined ? "error" : "drop" });
      this.#onPoints.push(this.op("input", [], { name: "pts", sites: of, channels: this.tape.int(1, 4) }));
    }
    const x = this.tape.pick(this.#onPoints);
    switch (this.tape.int(0, 4)) {
      case 0:
      case 1: {
        const onto = this.tape.bool() ? this.#voxels : this.b.sites.deriveFloor(this.#voxels, this.list(1, 3));
        return this.push(this.op("voxelize", [x], { onto, mode: this.tape.pick(["mean", "sum", "max"]), most: this.tape.pick([0, 0, 1, 3]) }));
      }
      case 2: {
        const from = this.of((type) => type.kind === "feat" && type.dtype === "f32" && voxelsProblem(this.b.sites, type.sites) === undefined) ?? this.op("voxelize", [x], { onto: this.#voxels, mode: "mean" });
        this.#onPoints.push(this.op("devoxelize", [from], { weights: this.tape.pick(["nearest", "present", "all"]) }));
        return;
      }
      case 3:
        this.#onPoints.push(this.op("cat", [x, this.tape.pick(this.#onPoints)]));
        return;
      default:
        return this.push(this.op("global_pool", [x], { mode: this.tape.pick(["max", "avg", "sum"]) }));
    }
  }

  protected abstract step(): void;

  build(): Module {
    const steps = this.tape.int(1, 12);
    for (let i = 0; i < steps && !this.tape.empty; i++) this.step();
    const last = this.values.findLast((v) => ["feat", "vec", "dense"].includes(this.b.typeOf(v).kind))!;
    this.b.output("out", last, this.loc());
    if (this.tape.bool()) this.b.output("second out", this.some("feat", "vec", "dense")!, this.loc());
    return this.b.finish();
  }

  protected loc(): Loc {
    const place = (depth: number): Place => {
      const here = { file: this.tape.pick(["net.spnet", "dir/a b.spnet", "w:\\x\".spnet", "ü"]), line: this.tape.int(1, 999), column: this.tape.int(1, 80) };
      return depth > 0 && this.tape.bool() ? { ...here, via: place(depth - 1) } : here;
    };
    return Array.from({ length: this.tape.int(1, 2) }, () => place(2));
  }

  protected op(name: string, operands: readonly ValueId[], attrs: Attrs = {}): ValueId {
    return this.b.one(name, operands, attrs, this.loc());
  }

  protected param(shape: readonly number[], dtype: DType = "f32"): ValueId {
    const role = shape.length === 1 ? "channel" : shape.length === 2 ? "linear" : "conv";
    return this.op("param", [], { name: `p${this.#names++}`, role, layout: this.tape.pick(["spconv2", "spconv1", "minkowski"]), shape, dtype, limit: dtype === "i32" ? 2 ** 24 : 0 });
  }

  protected typeOf<T extends Type>(value: ValueId): T {
    return this.b.typeOf(value) as T;
  }

  /** A random value among those of the kinds, of real numbers. */
  protected some(...kinds: readonly Type["kind"][]): ValueId | undefined {
    return this.of((type) => kinds.includes(type.kind) && (!("dtype" in type) || type.dtype === "f32"));
  }

  protected of(fits: (type: Type) => boolean): ValueId | undefined {
    const fitting = this.values.filter((v) => fits(this.b.typeOf(v)));
    return fitting.length === 0 ? undefined : this.tape.pick(fitting);
  }

  protected rows(): ValueId {
    return this.some("feat", "vec")!;
  }

  /** Another value (or the same) of the same type, and values on the same sites. */
  protected like(value: ValueId): ValueId {
    const wanted = JSON.stringify(this.b.typeOf(value));
    return this.tape.pick(this.values.filter((v) => JSON.stringify(this.b.typeOf(v)) === wanted));
  }

  protected onSameSites(value: ValueId): ValueId {
    const { kind, sites, dtype } = this.typeOf<Rows>(value);
    return this.tape.pick(this.values.filter((v) => this.b.typeOf(v).kind === kind && this.typeOf<Rows>(v).sites === sites && this.typeOf<Rows>(v).dtype === dtype));
  }

  protected list(low: number, high: number): number[] {
    return Array.from({ length: this.dim }, () => this.tape.int(low, high));
  }

  protected centred(): Geometry {
    const kernel = this.list(0, 1).map((n) => 2 * n + 1);
    const dilation = this.list(1, 2);
    return { kernel, dilation, stride: kernel.map(() => 1), padding: kernel.map((k, i) => (dilation[i]! * (k - 1)) / 2) };
  }

  protected geometry(): Geometry {
    return { kernel: this.list(1, 3), stride: this.list(1, 3), padding: this.list(0, 1), dilation: this.list(1, 2) };
  }

  /** Arithmetic on parameters that both levels have. */
  protected foldAny(): void {
    const channels = this.tape.int(1, 4);
    const vector = (): ValueId => this.param([channels]);
    const weight = this.param([...this.list(1, 2), 3, channels]);
    switch (this.tape.int(0, 8)) {
      case 0:
        return this.push(this.op("fold.bn_scale", [vector(), vector()], { eps: 0.001 }));
      case 1:
        return this.push(this.op("fold.bn_shift", [vector(), vector(), vector(), ...(this.tape.bool() ? [vector()] : [])]));
      case 2:
        return this.push(this.op("fold.scale_out", [weight, vector()]));
      case 3:
        return this.push(this.op("fold.add", [weight, weight]));
      case 4:
        return this.push(this.op("fold.constant", [], { value: Array.from({ length: channels }, (_, i) => this.tape.pick([0, -1.5, 1e-9]) * i) }));
      case 5:
        return this.push(this.tape.bool() ? this.op("fold.uniform", [weight, this.param([3])]) : this.op("fold.uniform", [this.param([2, 2, 2 * channels]), this.param([4])], { groups: 2 }));
      case 6: {
        const name = this.tape.pick(["relu", "tanh", "gelu", "leaky_relu", "elu"]);
        return this.push(this.op("fold.activate", [vector()], { do: name, by: this.tape.pick([0, 0.3]) }));
      }
      case 7:
        return this.push(this.op("fold.multiply", [weight], { by: this.tape.pick([-1, 27]) }));
      default:
        return this.push(this.op("fold.stack_out", [weight, weight]));
    }
  }

  protected push(value: ValueId): void {
    this.values.push(value);
  }

  /** Adds the op unless its rule refuses (a kernel that does not fit, no extents); true when it was added. */
  protected try(name: string, operands: readonly ValueId[], attrs: Attrs): boolean {
    if ("problems" in this.b.infer(name, operands, attrs)) return false;
    for (const result of this.b.add(name, operands, attrs, this.loc())) this.push(result);
    return true;
  }
}

export class RandomNet extends RandomModule {
  readonly #convs: { readonly fine: SiteId; readonly coarse: SiteId; readonly g: Geometry }[] = [];

  #generated = false;
  #held = 0;

  constructor(tape: Tape) {
    super("net", tape);
  }

  protected step(): void {
    const x = this.rows();
    const { channels } = this.typeOf<Rows>(x);
    const kind = this.tape.pick(["subm", "conv", "up", "linear", "bn", "normalise", "softmax", "act", "binary", "cat", "broadcast", "pool", "unpool", "unpool", "global_pool", "to_dense", "to_grid", "union", "deconv", "onto", "prune", "grid", "whole", "shift", "fold", "ground", "points"]);
    switch (kind) {
      case "whole":
        return this.#whole();
      case "linear":
        return this.push(this.op("linear", [x, ...this.weights([], channels)]));
      case "bn":
        return this.#bn(x, channels);
      case "normalise":
        return this.push(this.op("normalise", [x, ...(this.tape.bool() ? [] : [this.param([channels]), this.param([channels])])], normaliseAttrs(this.tape, this.typeOf<Rows>(x))));
      case "softmax":
        return this.push(this.op("softmax", [x], { log: this.tape.bool() }));
      case "act": {
        const name = this.tape.pick(["relu", "relu6", "sigmoid", "leaky_relu", "prelu", "silu", "tanh", "gelu", "gelu_tanh", "softplus", "elu"]);
        if (name === "prelu") return this.push(this.op(name, [x, this.param([channels])]));
        return this.push(this.op(name, [x], name === "leaky_relu" ? { slope: this.tape.pick([0.01, -0.2, 0]) } : name === "elu" ? { alpha: this.tape.pick([1, 0.3]) } : name === "softplus" ? { beta: this.tape.pick([1, 2.5]), threshold: 20 } : {}));
      }
      case "binary":
        return this.push(this.op(this.tape.pick(["add", "mul"]), [x, this.like(x)]));
      case "shift":
        return this.push(this.op("shift", [x, this.param([channels])]));
      case "fold":
        return this.foldAny();
      case "points":
        return this.points();
      case "ground":
        // On its own: with a ground most of the other operations are refused (tests/support/ground-nets.ts has networks with one).
        this.op("relu", [this.op("ground", [this.op("input", [], { name: `held${this.#held++}`, sites: this.root, channels: 2 })], { value: [0, this.tape.pick([-1.5, 0])] })]);
        return;
      case "cat":
        return this.push(this.op("cat", Array.from({ length: this.tape.int(1, 3) }, (_, i) => (i === 0 ? x : this.onSameSites(x)))));
      default:
        return this.#spatial(kind);
    }
  }

  /**
   * A layer of a quantised network, with steps left out at random. Only the input becomes whole numbers: elsewhere the last
   * bit of a real number could decide where it is rounded to.
   */
  #whole(): void {
    const limits = (of: ValueId): ValueId => this.param([this.typeOf<Rows>(of).channels], "i32");
    const step = (name: string, x: ValueId, more: readonly ValueId[] = [], attrs: Attrs = {}): ValueId => {
      this.push(this.op(name, [x, ...more], attrs));
      return this.values.at(-1)!;
    };
    let y = (this.tape.bool() ? this.of((type) => type.kind === "feat" && type.dtype === "i8") : undefined) ?? step("quantise", this.values[0]!, [], { scale: this.tape.pick([0.01, 0.25, 1]) });
    const { channels } = this.typeOf<Rows>(y);
    if (this.tape.bool()) {
      const { kernel, padding, dilation } = this.centred();
      const groups = this.#groups(channels);
      y = step("subm", y, this.weights(kernel, channels, groups, true), { kernel, padding, dilation, groups });
    } else y = step("linear", y, this.weights([], channels, 1, true));
    if (this.tape.bool()) y = step("clip", y, [limits(y)]);
    y = step("rescale", y, [limits(y)], { shift: this.tape.int(8, 31), rounding: this.tape.pick(["even", "up"]) });
    if (this.tape.bool()) y = step("add", y, [this.like(y)]);
    y = step("saturate", y);
    if (this.tape.bool()) y = step("relu", y);
    if (this.tape.bool()) y = step("pool", y, [], { mode: "max", ...this.centred(), sites: "same" });
    if (this.tape.bool()) y = step("global_pool", y, [], { mode: this.tape.pick(["max", "avg", "sum"]) });
    if (this.tape.bool()) step("scale", y, [this.param([this.typeOf<Rows>(y).channels])]);
  }

  #bn(x: ValueId, channels: number): void {
    const affine = this.tape.int(0, 3) > 0;
    const params = Array.from({ length: affine ? 4 : 2 }, () => this.param([channels]));
    this.push(this.op("bn", [x, ...params], { affine, eps: this.tape.pick([1e-5, 0.001, 1]) }));
  }

  #spatial(kind: string): void {
    const x = this.some("feat")!;
    const { channels, sites } = this.typeOf<FeatType>(x);
    switch (kind) {
      case "subm": {
        const { kernel, padding, dilation } = this.tape.bool() ? this.centred() : this.geometry();
        const groups = this.#groups(channels);
        return this.push(this.op("subm", [x, ...this.weights(kernel, channels, groups)], { kernel, padding, dilation, groups }));
      }
      case "conv": {
        const g = this.geometry();
        const groups = this.#groups(channels);
        if (!this.try("conv", [x, ...this.weights(g.kernel, channels, groups)], { ...g, groups, sites: this.tape.pick(["reach", "floor"]) })) return;
        this.#convs.push({ fine: sites, coarse: this.typeOf<FeatType>(this.values.at(-1)!).sites, g });
        return;
      }
      case "up": {
        const conv = this.#convs.find((c) => c.coarse === sites);
        if (conv === undefined) return;
        const groups = this.#groups(channels);
        this.try("up", [x, ...this.weights(conv.g.kernel, channels, groups)], { ...conv.g, onto: conv.fine, groups });
        return;
      }
      case "unpool": {
        const conv = this.#convs.find((c) => c.coarse === sites);
        if (conv !== undefined) this.try("unpool", [x], { mode: this.tape.pick(["avg", "sum"]), ...conv.g, onto: conv.fine });
        return;
      }
      case "pool": {
        const rule = this.tape.pick(["same", "reach", "floor"]);
        const g = rule === "same" ? this.centred() : this.geometry();
        this.try("pool", [x], { mode: this.tape.pick(["max", "avg", "sum"]), ...g, sites: rule, divisor: this.tape.pick(["count", "volume"]) });
        return;
      }
      case "global_pool":
        return this.push(this.op("global_pool", [x], { mode: this.tape.pick(["max", "avg", "sum"]) }));
      case "broadcast": {
        const by = this.tape.pick(["sum", "product", "copy"]);
        const vectors = this.values.filter((v) => this.b.typeOf(v).kind === "vec" && this.typeOf<VecType>(v).dtype === "f32" && (by === "copy" || this.typeOf<VecType>(v).channels === channels));
        const vector = vectors.length > 0 ? this.tape.pick(vectors) : this.op("global_pool", [x], { mode: "avg" });
        return this.push(this.op("broadcast", [x, vector], { by }));
      }
      case "union": {
        const near = this.#feats().filter((v) => this.typeOf<FeatType>(v).channels === channels && this.b.sites.sameGrid(sites, this.typeOf<FeatType>(v).sites));
        return this.push(this.op("union", [x, ...Array.from({ length: this.tape.int(1, 2) }, () => this.tape.pick(near))], { by: this.tape.pick(["sum", "product"]) }));
      }
      case "prune": {
        const masks = this.#feats().filter((v) => this.typeOf<FeatType>(v).channels === 1 && this.typeOf<FeatType>(v).sites === sites);
        const mask = masks.length > 0 ? this.tape.pick(masks) : this.op("linear", [x, this.param([channels, 1])]);
        // A threshold that no rounding of a value crosses.
        return this.push(this.op("prune", [x, mask], { above: this.tape.pick([0.0123, -0.237]), sites: this.b.sites.derivePrune(sites) }));
      }
      case "grid":
        return this.#grid();
      case "deconv":
        return this.#deconv(x);
      case "onto": {
        const g = { ...this.geometry(), stride: this.list(1, 2) };
        const targets = this.#feats().filter((v) => this.b.sites.strideLeads(sites, g.stride, this.typeOf<FeatType>(v).sites));
        if (targets.length === 0) return;
        const onto = this.typeOf<FeatType>(this.tape.pick(targets)).sites;
        if (this.tape.bool()) this.try("pool", [x], { mode: "sum", ...g, sites: "given", onto });
        else this.try("conv", [x, ...this.weights(g.kernel, channels)], { ...g, sites: "given", onto });
        return;
      }
      case "to_grid":
        this.try("to_grid", [x], {});
        return;
      default:
        this.try("to_dense", [x], { fold: this.tape.pick(["", "x"]) });
    }
  }

  /** A dense tensor, and its cells that hold something. What decides is what the caller gives, so that no rounding does. */
  #grid(): void {
    const extents = this.b.sites.extents(this.root);
    if (extents === undefined || this.#held > 1) return;
    const channels = this.tape.int(1, 4);
    const grid = this.op("input", [], { name: `grid${this.#held++}`, sites: this.b.sites.fullGrid(this.b.sites.axes(this.root), extents), channels });
    const mask = this.op("active", [grid, ...(this.tape.bool() ? [this.op("fold.constant", [], { value: Array.from({ length: channels }, (_, c) => (c === 0 ? 0 : 0.5)) })] : [])]);
    this.push(this.op("prune", [grid, mask], { above: 0, sites: this.b.sites.derivePrune(this.typeOf<FeatType>(grid).sites) }));
    if (!this.tape.bool()) return;
    this.push(grid);
    const axis = this.tape.int(0, this.dim - 1);
    const onto = this.b.sites.fullGrid(this.b.sites.axes(this.root), extents.with(axis, extents[axis]! * 2));
    this.push(this.op("interpolate", [grid], { axis, corners: this.tape.bool(), onto }));
  }

  /** Mostly one group, else as many as there are channels or half of them. */
  #groups(channels: number): number {
    if (this.tape.int(0, 3) > 0) return 1;
    return channels % 2 === 0 && this.tape.bool() ? channels / 2 : channels;
  }

  #feats(): readonly ValueId[] {
    return this.values.filter((v) => this.b.typeOf(v).kind === "feat" && this.typeOf<FeatType>(v).dtype === "f32");
  }

  /** Once per network, since sites multiply. */
  #deconv(x: ValueId): void {
    const { channels, sites } = this.typeOf<FeatType>(x);
    const g = { ...this.geometry(), kernel: this.list(1, 2), stride: this.list(1, 2) };
    const fits = this.b.sites.extents(sites)?.every((n, a) => generatedExtent(n, g.kernel[a]!, g.stride[a]!, g.padding[a]!, g.dilation[a]!, 0) > 0) !== false;
    if (this.#generated || !fits) return;
    this.#generated = true;
    const onto = this.b.sites.deriveGenerate(sites, g, g.stride.map((s) => this.tape.int(0, s - 1)));
    this.push(this.op("up", [x, ...this.weights(g.kernel, channels)], { ...g, onto }));
  }

  #weightShape(kernel: readonly number[], cin: number, groups: number): number[] {
    return [...kernel, cin / groups, groups === 1 ? this.tape.int(1, 4) : groups * this.tape.int(1, 2)];
  }

  /** A weight for `kernel` and perhaps a bias. */
  private weights(kernel: readonly number[], cin: number, groups = 1, whole = false): ValueId[] {
    const shape = this.#weightShape(kernel, cin, groups);
    const weight = this.param(shape, whole ? "i8" : "f32");
    return this.tape.bool() ? [weight] : [weight, this.param([shape.at(-1)!], whole ? "i32" : "f32")];
  }
}

/** What random modules are made of. */
export const tapes = fc.array(fc.nat(1_000_000), { maxLength: 300, size: "max" });

export const netModules: fc.Arbitrary<Module> = tapes.map((numbers) => new RandomNet(new Tape(numbers)).build());

/** Few rows have little variance: what is added to it keeps rounding from growing. */
export function normaliseAttrs(tape: Tape, x: Rows): Attrs {
  if (tape.int(0, 4) === 0) return { over: "row", groups: 1, eps: tape.pick([0.1, 1]) };
  const groups = tape.pick([x.channels, 1, ...(x.channels % 2 === 0 ? [x.channels / 2] : [])]);
  return { over: x.kind === "feat" ? tape.pick(["batch", "item"]) : "batch", groups, eps: tape.pick([0.1, 1]) };
}
