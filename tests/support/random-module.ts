import fc from "fast-check";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import type { Loc, Place } from "../../src/ir/loc.ts";
import type { Attrs, AttrValue, Module, ValueId } from "../../src/ir/module.ts";
import { generatedExtent, SiteTable, type Geometry, type SiteId } from "../../src/ir/sites.ts";
import type { FeatType, ParamType, RulebookType, Type, VecType } from "../../src/ir/types.ts";

/** Decisions read off a tape of numbers, so that shrinking the tape shrinks the module; an empty tape decides for the first. */
export class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  get empty(): boolean {
    return this.#at >= this.#numbers.length;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + ((this.#numbers[this.#at++] ?? 0) % (high - low + 1));
  }

  bool(): boolean {
    return this.int(0, 1) === 1;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }
}

type Rows = FeatType | VecType;

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

  protected param(shape: readonly number[]): ValueId {
    const role = shape.length === 1 ? "channel" : shape.length === 2 ? "linear" : "conv";
    return this.op("param", [], { name: `p${this.#names++}`, role, layout: this.tape.pick(["spconv2", "spconv1", "minkowski"]), shape });
  }

  protected typeOf<T extends Type>(value: ValueId): T {
    return this.b.typeOf(value) as T;
  }

  /** A random value among those of the kinds. */
  protected some(...kinds: readonly Type["kind"][]): ValueId | undefined {
    const fitting = this.values.filter((v) => kinds.includes(this.b.typeOf(v).kind));
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
    const { kind, sites } = this.typeOf<Rows>(value);
    return this.tape.pick(this.values.filter((v) => this.b.typeOf(v).kind === kind && this.typeOf<Rows>(v).sites === sites));
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
    const kind = this.tape.pick(["subm", "conv", "up", "linear", "bn", "act", "binary", "cat", "pool", "unpool", "global_pool", "to_dense", "union", "deconv", "onto", "prune", "shift", "fold", "ground"]);
    switch (kind) {
      case "linear":
        return this.push(this.op("linear", [x, ...this.weights([], channels)]));
      case "bn":
        return this.push(this.op("bn", [x, ...[0, 1, 2, 3].map(() => this.param([channels]))], { eps: this.tape.pick([1e-5, 0.001, 1]) }));
      case "act": {
        const name = this.tape.pick(["relu", "relu6", "sigmoid", "leaky_relu", "silu", "tanh", "gelu", "gelu_tanh", "softplus", "elu"]);
        return this.push(this.op(name, [x], name === "leaky_relu" ? { slope: this.tape.pick([0.01, -0.2, 0]) } : name === "elu" ? { alpha: this.tape.pick([1, 0.3]) } : {}));
      }
      case "binary":
        return this.push(this.op(this.tape.pick(["add", "mul"]), [x, this.like(x)]));
      case "shift":
        return this.push(this.op("shift", [x, this.param([channels])]));
      case "fold":
        return this.foldAny();
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
      default:
        this.try("to_dense", [x], { fold: this.tape.pick(["", "x"]) });
    }
  }

  /** Mostly one group, else as many as there are channels or half of them. */
  #groups(channels: number): number {
    if (this.tape.int(0, 3) > 0) return 1;
    return channels % 2 === 0 && this.tape.bool() ? channels / 2 : channels;
  }

  #feats(): readonly ValueId[] {
    return this.values.filter((v) => this.b.typeOf(v).kind === "feat");
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
  private weights(kernel: readonly number[], cin: number, groups = 1): ValueId[] {
    const shape = this.#weightShape(kernel, cin, groups);
    return this.tape.bool() ? [this.param(shape)] : [this.param(shape), this.param([shape.at(-1)!])];
  }
}

export class RandomFused extends RandomModule {
  constructor(tape: Tape) {
    super("fused", tape);
  }

  protected step(): void {
    switch (this.tape.pick(["search", "search", "book", "fold", "conv", "conv", "grouped", "pointwise", "pool", "pair", "channels", "global"])) {
      case "search":
        return this.#search();
      case "book":
        return this.#book();
      case "fold":
        return this.#fold();
      case "conv":
        return this.#conv();
      case "grouped":
        return this.#grouped();
      case "pointwise": {
        const x = this.rows();
        const operands = [x];
        this.#add("fused.pointwise", operands, { epilogue: this.#epilogue(operands, this.typeOf<Rows>(x), true) });
        return;
      }
      case "pool":
        return this.#pool();
      case "pair":
        return this.#pair();
      case "channels": {
        const x = this.rows();
        const { channels, kind, sites } = this.typeOf<Rows>(x);
        if (channels === 1 && kind === "feat") this.push(this.op("prune", [x, x], { above: 0.5, sites: this.b.sites.derivePrune(sites) }));
        if (this.tape.bool()) return this.push(this.op("cat", [x, this.onSameSites(x)]));
        const from = this.tape.int(0, channels - 1);
        return this.push(this.op("slice", [x], { from, to: this.tape.int(from + 1, channels) }));
      }
      case "global": {
        const x = this.some("feat")!;
        if (this.tape.bool()) this.try("to_dense", [x], { fold: this.tape.pick(["", "x"]) });
        else this.push(this.op("global_pool", [x], { mode: this.tape.pick(["max", "avg", "sum"]) }));
      }
    }
  }

  #search(): void {
    const from = this.typeOf<FeatType>(this.some("feat")!).sites;
    if (this.tape.bool()) {
      this.try("rulebook.search", [], { from, to: from, ...this.centred(), mirrored: this.tape.bool() });
      return;
    }
    const g = this.geometry();
    const to = this.tape.bool() ? this.b.sites.deriveFloor(from, g.stride) : this.b.sites.deriveReach(from, g);
    this.try("rulebook.search", [], { from, to, ...g });
  }

  #book(): void {
    const rb = this.some("rulebook");
    if (rb === undefined) return;
    const { kernel } = this.typeOf<RulebookType>(rb);
    switch (this.tape.int(0, 2)) {
      case 0:
        return this.push(this.op("rulebook.transpose", [rb]));
      case 1: {
        // The middle tap of each axis that is cut, all taps of the others.
        const cut = kernel.map(() => this.tape.bool());
        const small = kernel.map((k, a) => (cut[a] ? 1 : k));
        const taps = kernel.reduce<number[]>((flat, k, a) => {
          const steps = cut[a] ? [Math.floor(k / 2)] : Array.from({ length: k }, (_, r) => r);
          return flat.flatMap((t) => steps.map((r) => t * k + r));
        }, [0]);
        return this.push(this.op("rulebook.slice", [rb], { kernel: small, taps }));
      }
      default:
        this.try("rulebook.halo", [rb], { tile: 32, capacity: this.tape.int(64, 256) });
    }
  }

  #fold(): void {
    const channels = this.tape.int(1, 4);
    const weight = this.param([...this.list(1, 2), 3, channels]);
    switch (this.tape.int(0, 8)) {
      case 0:
        return this.push(this.op("fold.slice_in", [weight], { from: 1, to: 3 }));
      case 1:
        return this.push(this.op("fold.slice_out", [weight], { from: 0, to: channels }));
      case 2:
        return this.push(this.op("fold.scale_in", [weight, this.param([3])]));
      case 3:
        return this.push(this.op("fold.matmul", this.tape.bool() ? [weight, this.param([channels, 2])] : [this.param([2, 3]), weight]));
      default:
        return this.foldAny();
    }
  }

  #conv(): void {
    const rb = this.some("rulebook");
    const x = rb === undefined ? this.rows() : this.some("feat")!;
    const cin = this.typeOf<Rows>(x).channels;
    const cout = this.tape.int(1, 4);
    if (rb === undefined || this.typeOf<RulebookType>(rb).from !== this.typeOf<Rows>(x).sites) {
      const operands = [x, this.param([cin, cout])];
      const epilogue = this.#epilogue(operands, { ...this.typeOf<Rows>(x), channels: cout }, true);
      this.#add("fused.conv", operands, { terms: [{ x: 0, w: 1 }], epilogue });
      return;
    }
    const { kernel, to } = this.typeOf<RulebookType>(rb);
    const operands = [x, this.param([...kernel, cin, cout]), rb];
    const terms: Attrs[] = [{ x: 0, w: 1, rb: 2 }];
    const beside = this.values.find((v) => this.b.typeOf(v).kind === "feat" && this.typeOf<FeatType>(v).sites === to);
    if (beside !== undefined && this.tape.bool()) {
      operands.push(beside, this.param([this.typeOf<FeatType>(beside).channels, cout]));
      terms.push({ x: 3, w: 4 });
    }
    const epilogue = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), sites: to, channels: cout }, true);
    this.#add("fused.conv", operands, { terms, epilogue });
  }

  #grouped(): void {
    const rb = this.some("rulebook");
    if (rb === undefined) return;
    const { from, to, kernel } = this.typeOf<RulebookType>(rb);
    const x = this.values.find((v) => this.b.typeOf(v).kind === "feat" && this.typeOf<FeatType>(v).sites === from && this.typeOf<FeatType>(v).channels > 1);
    if (x === undefined) return;
    const { channels } = this.typeOf<FeatType>(x);
    const cout = channels * this.tape.int(1, 2);
    const operands = [x, this.param([...kernel, 1, cout]), rb];
    const epilogue = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), sites: to, channels: cout }, true);
    // Channels are not mixed.
    if (epilogue.some((item) => item["do"] === "linear")) return;
    this.#add("fused.grouped", operands, { terms: [{ x: 0, w: 1, rb: 2 }], groups: channels, epilogue });
  }

  #pool(): void {
    const rb = this.some("rulebook");
    if (rb === undefined) return;
    const { from, to, kernel } = this.typeOf<RulebookType>(rb);
    const x = this.values.find((v) => this.b.typeOf(v).kind === "feat" && this.typeOf<FeatType>(v).sites === from);
    if (x === undefined) return;
    const operands = [x, rb];
    const epilogue = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), sites: to }, true);
    this.#add("fused.pool", operands, { mode: this.tape.pick(["max", "avg", "sum"]), divisor: this.tape.pick(["count", "volume"]), volume: kernel.reduce((p, k) => p * k, 1), epilogue });
  }

  #pair(): void {
    const x = this.some("feat")!;
    const { sites, channels: cin } = this.typeOf<FeatType>(x);
    const rb = this.values.find((v) => {
      const t = this.b.typeOf(v);
      return t.kind === "rulebook" && t.from === sites && t.to === sites;
    });
    if (rb === undefined) return;
    const { kernel } = this.typeOf<RulebookType>(rb);
    const halo = this.op("rulebook.halo", [rb], { tile: 32, capacity: 128 });
    const [middle, cout] = [this.tape.int(1, 3), this.tape.int(1, 3)];
    const operands = [x, this.param([...kernel, cin, middle]), rb, halo];
    const first = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), channels: middle }, false);
    const between = this.#channelsAfter(operands, first, middle);
    const w = operands.push(this.param([...kernel, between, cout])) - 1;
    const second = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), channels: cout }, true);
    this.#add("fused.pair", operands, { first: { x: 0, w: 1, epilogue: first }, second: { w, epilogue: second }, rb: 2, halo: 3 });
  }

  #channelsAfter(operands: readonly ValueId[], items: readonly Attrs[], channels: number): number {
    return items.reduce((c, item) => (item["do"] === "linear" ? this.typeOf<ParamType>(operands[item["w"] as number]!).shape.at(-1)! : c), channels);
  }

  /** A random epilogue on rows of `start`, its operands pushed. */
  #epilogue(operands: ValueId[], start: Rows, last: boolean): Attrs[] {
    const items: Attrs[] = [];
    let y = start;
    const operand = (value: ValueId): number => operands.push(value) - 1;
    for (let n = this.tape.int(0, 3); n > 0; n--) {
      const kind = this.tape.pick(["bias", "affine", "add", "mul", "relu", "relu6", "sigmoid", "leaky_relu", "silu", "tanh", "gelu", "gelu_tanh", "softplus", "elu", "linear", "emit"]);
      const other = this.values.find((v) => JSON.stringify(this.b.typeOf(v)) === JSON.stringify(y));
      if (kind === "bias") items.push({ do: kind, arg: operand(this.param([y.channels])) });
      else if (kind === "affine") items.push({ do: kind, scale: operand(this.param([y.channels])), shift: operand(this.param([y.channels])) });
      else if (kind === "leaky_relu") items.push({ do: kind, slope: 0.1 });
      else if (kind === "elu") items.push({ do: kind, alpha: 0.7 });
      else if (kind === "linear") {
        const cout = this.tape.int(1, 4);
        items.push({ do: kind, w: operand(this.param([y.channels, cout])) });
        y = { ...y, channels: cout };
      } else if (kind !== "add" && kind !== "mul") items.push({ do: kind });
      else if (other !== undefined) items.push({ do: kind, arg: operand(other) });
    }
    const dense = last && y.kind === "feat" && this.b.sites.extents(y.sites) !== undefined && this.tape.bool();
    if (dense) items.push({ do: "dense", fold: this.tape.pick(["", "x"]) });
    return items;
  }

  #add(name: string, operands: readonly ValueId[], attrs: { readonly [key: string]: AttrValue }): void {
    for (const result of this.b.add(name, operands, attrs, this.loc())) this.push(result);
  }
}

const tape = fc.array(fc.nat(1_000_000), { maxLength: 300, size: "max" });

export const netModules: fc.Arbitrary<Module> = tape.map((numbers) => new RandomNet(new Tape(numbers)).build());
export const fusedModules: fc.Arbitrary<Module> = tape.map((numbers) => new RandomFused(new Tape(numbers)).build());
