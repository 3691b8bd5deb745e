import type fc from "fast-check";
import type { Attrs, AttrValue, Module, ValueId } from "../../src/ir/module.ts";
import type { FeatType, RulebookType, VecType } from "../../src/ir/types.ts";
import { normaliseAttrs, RandomModule, tapes, type Rows } from "./random-module.ts";
import { Tape } from "./tape.ts";

/** Random ops of level fused. */
export class RandomFused extends RandomModule {
  constructor(tape: Tape) {
    super("fused", tape);
  }

  protected step(): void {
    switch (this.tape.pick(["search", "search", "book", "fold", "conv", "conv", "grouped", "pointwise", "pool", "normalise", "broadcast", "pair", "channels", "global", "points"])) {
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
      case "points":
        return this.points();
      case "pool":
        return this.#pool();
      case "normalise":
        return this.#normalise();
      case "broadcast":
        return this.#broadcast();
      case "pair":
        return this.#pair();
      case "channels": {
        const x = this.rows();
        const { channels, kind, sites } = this.typeOf<Rows>(x);
        if (channels === 1 && kind === "feat") this.push(this.op("prune", [x, x], { above: 0.5, sites: this.b.sites.derivePrune(sites) }));
        if (kind === "feat" && this.tape.bool()) this.push(this.op("active", [x, ...(this.tape.bool() ? [this.param([channels])] : [])]));
        if (this.tape.bool()) return this.push(this.op("cat", [x, this.onSameSites(x)]));
        if (this.tape.int(0, 3) === 0) return this.push(this.op("softmax", [x], { log: this.tape.bool() }));
        const from = this.tape.int(0, channels - 1);
        return this.push(this.op("slice", [x], { from, to: this.tape.int(from + 1, channels) }));
      }
      case "global": {
        const x = this.some("feat")!;
        const { sites } = this.typeOf<FeatType>(x);
        const extents = this.b.sites.extents(sites);
        if (extents !== undefined && !this.b.sites.isFull(sites) && this.tape.bool()) this.push(this.op("interpolate", [this.op("to_grid", [x])], { axis: 0, corners: this.tape.bool(), onto: this.b.sites.fullGrid(this.b.sites.axes(sites), extents.with(0, extents[0]! + 2)) }));
        if (this.tape.bool()) this.try(this.tape.pick(["to_dense", "to_grid"]), [x], {});
        else if (this.tape.bool()) this.try("to_dense", [x], { fold: "x" });
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
    const terms: Attrs[] = [{ x: 0, w: 1, rb: 2, ...(this.tape.bool() ? { zeros: true } : {}) }];
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
    const first = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), channels: middle }, false, false);
    const w = operands.push(this.param([...kernel, middle, cout])) - 1;
    const second = this.#epilogue(operands, { ...this.typeOf<FeatType>(x), channels: cout }, true, false);
    this.#add("fused.pair", operands, { first: { x: 0, w: 1, epilogue: first }, second: { w, epilogue: second }, rb: 2, halo: 3 });
  }

  #normalise(): void {
    const operands = [this.rows()];
    const type = this.typeOf<Rows>(operands[0]!);
    this.#add("fused.normalise", operands, { ...normaliseAttrs(this.tape, type), epilogue: this.#epilogue(operands, type, true, false) });
  }

  #broadcast(): void {
    const x = this.some("feat")!;
    const vector = this.some("vec") ?? this.op("global_pool", [x], { mode: "avg" });
    const { channels } = this.typeOf<VecType>(vector);
    const by = channels === this.typeOf<FeatType>(x).channels ? this.tape.pick(["sum", "product", "copy"]) : "copy";
    const operands = [x, vector];
    this.#add("fused.broadcast", operands, { by, epilogue: this.#epilogue(operands, { ...this.typeOf<FeatType>(x), channels }, true, false) });
  }

  /** A random epilogue on rows of `start`, its operands pushed; `mixing`: whether the op holds all columns of a row. */
  #epilogue(operands: ValueId[], start: Rows, last: boolean, mixing = true): Attrs[] {
    const items: Attrs[] = [];
    let y = start;
    const operand = (value: ValueId): number => operands.push(value) - 1;
    for (let n = this.tape.int(0, 3); n > 0; n--) {
      const kind = this.tape.pick(["bias", "affine", "add", "mul", "relu", "relu6", "sigmoid", "leaky_relu", "prelu", "silu", "tanh", "gelu", "gelu_tanh", "softplus", "elu", "emit", "whole", ...(mixing ? ["linear"] : [])]);
      const other = this.values.find((v) => JSON.stringify(this.b.typeOf(v)) === JSON.stringify(y));
      if (kind === "bias" || kind === "prelu") items.push({ do: kind, arg: operand(this.param([y.channels])) });
      else if (kind === "affine") items.push({ do: kind, scale: operand(this.param([y.channels])), shift: operand(this.param([y.channels])) });
      else if (kind === "leaky_relu") items.push({ do: kind, slope: 0.1 });
      else if (kind === "elu") items.push({ do: kind, alpha: 0.7 });
      else if (kind === "softplus") items.push({ do: kind, beta: 1.5, threshold: 20 });
      else if (kind === "whole") {
        // To whole numbers and back: what follows takes real ones.
        const limits = (): number => operand(this.param([y.channels], "i32"));
        items.push({ do: "quantise", scale: 0.1 }, { do: "clip", arg: limits() }, { do: "rescale", arg: limits(), shift: 4, rounding: "up" }, { do: "saturate", bits: 8 }, { do: "scale", arg: operand(this.param([y.channels])) });
      }
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

/** A kernel larger than its grid leaves no room for outputs; such a module says nothing. */
export const roomy = (module: Module): boolean => module.sites.ids.every((id) => module.sites.extents(id)?.every((n) => n > 0) !== false);

export const fusedModules: fc.Arbitrary<Module> = tapes.map((numbers) => new RandomFused(new Tape(numbers)).build()).filter(roomy);
