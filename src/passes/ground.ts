/**
 * `ground`: networks whose inactive sites hold something become ordinary ones, in which they are missing. Where rows
 * meet their neighbours, in convolutions, pools and unions, each row x is replaced by x − g, with g what inactive sites
 * hold there: a missing neighbour then adds nothing, as it should. What the neighbourhood makes of g alone is one
 * vector, known when weights are loaded, and is added back:
 *
 *     Σ over taps of W·x = Σ over the taps that have a site of W·(x − g)  +  (Σ over all taps of W)·g
 *
 * The sum on the right is the ground of the result, and the convolution's bias. Everything between works on rows as
 * they are, so that norms and activations fold and fuse as ever. The grounds are computed in float64 in the load phase,
 * those alone that something reads.
 */
import { isActivation } from "../ir/activations.ts";
import { groundsOf, type Ground } from "../ir/ground.ts";
import type { Loc } from "../ir/loc.ts";
import { number, numbers, string, typeOf, type Attrs, type Module, type Op, type ValueId } from "../ir/module.ts";
import { kernelVolume } from "../ir/ops/rulebook.ts";
import { tapAxes } from "../ir/ops/shape.ts";
import { unionRuleOf } from "../ir/ops/union.ts";
import { definePass, type RemarkKind } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";

export const ground = definePass({
  name: "ground",
  summary: "computes with rows less what inactive sites hold, which parameters made at load time add back",
  legality: [
    "Every value with a ground has one vector that all its inactive sites share (the verifier sees to it).",
    "What is zero when compiling, as of an input on `ground=0`, is not subtracted.",
  ],
  from: "net",
  to: "net",
  options: {},
  stats: { shifted: "values from which their ground is subtracted", biases: "convolutions whose bias makes up for it", pools: "pools that count missing inputs as zeros" },
  run: (module, { stat, remark }) => withoutGrounds(module, stat, remark),
});

type Stat = (name: "shifted" | "biases" | "pools") => void;

/** The same network without `ground`; the module itself where there is none. */
export function withoutGrounds(module: Module, stat: Stat = () => undefined, remark: (kind: RemarkKind, loc: Loc, text: string) => void = () => undefined): Module {
  return module.ops.some((op) => op.name === "ground") ? new Grounding(module, stat, remark).run() : module;
}

class Grounding {
  readonly #rw: Rewriter;
  readonly #kinds: Map<ValueId, Ground>;
  /** The ground of each value that has one, as a parameter made when it is first asked for. */
  readonly #vectors = new Map<ValueId, () => ValueId>();
  readonly #shifted = new Map<ValueId, ValueId>();
  /** Values to which a ground was added back, for which nothing may have a use in the end. */
  readonly #restoredValues: ValueId[] = [];
  readonly #stat: Stat;
  readonly #remark: (kind: RemarkKind, loc: Loc, text: string) => void;

  constructor(module: Module, stat: Stat, remark: (kind: RemarkKind, loc: Loc, text: string) => void) {
    this.#rw = new Rewriter(module);
    this.#kinds = new Map(groundsOf(module).grounds);
    this.#stat = stat;
    this.#remark = remark;
  }

  run(): Module {
    this.#rw.sweep((op) => this.#visit(op));
    for (const y of this.#restoredValues) if (this.#rw.uses(y) === 0) this.#rw.takeBack(this.#rw.def(y)!);
    return this.#rw.finish();
  }

  /** True when the op stays as it is. */
  #visit(op: Op): boolean {
    const [x, ...others] = op.operands as [ValueId, ...ValueId[]];
    const y = op.results[0]!;
    const { loc, attrs } = op;
    const set = (make: () => ValueId): true => {
      this.#set(y, make);
      return true;
    };
    if (op.name === "ground") {
      this.#kinds.set(x, this.#kinds.get(y)!);
      this.#set(x, () => this.#one("fold.constant", [], { value: numbers(attrs, "value") }, loc));
      this.#rw.replace(y, x);
      return false;
    }
    if (!op.operands.some((v) => this.#vectors.has(v))) return true;
    switch (op.name) {
      case "subm":
      case "conv":
      case "up":
        return this.#convolution(op);
      case "linear":
        return set(() => this.#through(op, x));
      case "bn":
        return set(() => this.#normalised(op));
      case "add":
      case "mul":
        return set(() => this.#one(op.name === "add" ? "fold.add" : "fold.scale_out", [this.#vector(x), this.#vector(others[0]!)], {}, loc));
      case "cat":
        return set(() => this.#one("fold.stack_out", op.operands.map((v) => this.#vector(v)), {}, loc));
      case "prelu":
        return set(() => this.#bent(op));
      case "prune":
        return set(() => this.#vector(x));
      case "union":
        return unionRuleOf(attrs) === "sum" ? this.#sum(op) : this.#product(op);
      case "pool":
        return this.#pool(op);
      case "unpool":
        return this.#back(op);
      case "to_dense":
      case "to_grid":
        if (this.#isZero(x)) return true;
        this.#rw.emit(op.name, [x, this.#vector(x)], attrs, loc, op.results);
        return false;
      default:
        if (!isActivation(op.name) && !["leaky_relu", "elu", "softplus"].includes(op.name)) throw new Error(`internal: no ground after ${op.name}`);
        return set(() => this.#one("fold.activate", [this.#vector(x)], { do: op.name, by: Number(attrs["slope"] ?? attrs["alpha"] ?? attrs["beta"] ?? 0), threshold: Number(attrs["threshold"] ?? 20) }, loc));
    }
  }

  /** max(g, 0) + slope · (g − max(g, 0)). */
  #bent({ operands, loc }: Op): ValueId {
    const [x, slope] = operands as [ValueId, ValueId];
    const above = this.#one("fold.activate", [this.#vector(x)], { do: "relu" }, loc);
    const below = this.#one("fold.add", [this.#vector(x), this.#one("fold.multiply", [above], { by: -1 }, loc)], {}, loc);
    return this.#one("fold.add", [above, this.#one("fold.scale_out", [below, slope], {}, loc)], {}, loc);
  }

  #convolution(op: Op): boolean {
    const [x, w] = op.operands as [ValueId, ValueId];
    const y = op.results[0]!;
    this.#set(y, () => this.#through(op, x));
    if (this.#isZero(x)) return true;
    this.#stat("biases");
    this.#remark("done", op.loc, "computes with x − g, and its bias has what the kernel makes of g");
    this.#rw.emit(op.name, [this.#less(x, op.loc), w, this.#vector(y)], op.attrs, op.loc, op.results);
    return false;
  }

  /** What a convolution or linear layer makes of the ground of `x` on every tap. */
  #through(op: Op, x: ValueId): ValueId {
    const [, w, bias] = op.operands as [ValueId, ValueId, ValueId?];
    if (this.#isZero(x) && bias !== undefined) return bias;
    const sum = this.#one("fold.uniform", [w, this.#vector(x)], { groups: Number(op.attrs["groups"] ?? 1) }, op.loc);
    return bias === undefined ? sum : this.#one("fold.add", [sum, bias], {}, op.loc);
  }

  #normalised(op: Op): ValueId {
    const x = op.operands[0]!;
    const [mean, variance] = op.operands.slice(-2) as [ValueId, ValueId];
    const all = (value: number): ValueId => this.#one("fold.constant", [], { value: this.#channels(x).map(() => value) }, op.loc);
    const [gamma, beta] = op.attrs["affine"] === true ? [op.operands[1]!, op.operands[2]!] : [all(1), all(0)];
    const scale = this.#one("fold.bn_scale", [gamma, variance], { eps: number(op.attrs, "eps") }, op.loc);
    const shift = this.#one("fold.bn_shift", [beta, mean, scale], {}, op.loc);
    return this.#isZero(x) ? shift : this.#one("fold.add", [this.#one("fold.scale_out", [this.#vector(x), scale], {}, op.loc), shift], {}, op.loc);
  }

  /** A window with a missing input has the ground in it: 0 of x − g, for the maximum and for the average alike. */
  #pool(op: Op): boolean {
    const x = op.operands[0]!;
    const [mode, loc] = [string(op.attrs, "mode"), op.loc];
    const taps = kernelVolume(tapAxes(op.attrs, numbers(op.attrs, "kernel")));
    this.#stat("pools");
    this.#remark("done", loc, "missing inputs count as the ground");
    this.#restored(op, "pool", [this.#less(x, loc)], mode === "sum" ? op.attrs : { ...op.attrs, divisor: "volume" }, this.#isZero(x), () =>
      mode === "sum" ? this.#one("fold.multiply", [this.#vector(x)], { by: taps }, loc) : this.#vector(x),
    );
    return false;
  }

  /** Every site has one coarser cell: its row, or the ground. */
  #back(op: Op): boolean {
    const x = op.operands[0]!;
    this.#restored(op, "unpool", [this.#less(x, op.loc)], op.attrs, this.#isZero(x), () => this.#vector(x));
    return false;
  }

  #sum(op: Op): boolean {
    const { loc, operands } = op;
    const total = (): ValueId => operands.map((v) => this.#vector(v)).reduce((a, b) => this.#one("fold.add", [a, b], {}, loc));
    this.#restored(op, "union", operands.map((v) => this.#less(v, loc)), op.attrs, operands.every((v) => this.#isZero(v)), total);
    return false;
  }

  /** Each operand comes onto the union whole, and then they are multiplied. */
  #product(op: Op): boolean {
    const { loc, operands } = op;
    const type = typeOf(this.#rw.module, op.results[0]!);
    if (type.kind !== "feat") throw new Error("internal: a union without sites");
    const ones = this.#rw.sites.axes(type.sites).map(() => 1);
    const bring = { mode: "sum", kernel: ones, stride: ones, padding: ones.map(() => 0), dilation: ones, sites: "given", onto: type.sites };
    const whole = operands.map((v) => {
      const [brought] = this.#rw.emit("pool", [this.#less(v, loc)], bring, loc);
      return this.#isZero(v) ? brought! : this.#one("shift", [brought!, this.#vector(v)], {}, loc);
    });
    whole.slice(1).reduce((a, b, i) => this.#rw.emit("mul", [a, b], {}, loc, i === whole.length - 2 ? op.results : undefined)[0]!, whole[0]!);
    this.#set(op.results[0]!, () => operands.map((v) => this.#vector(v)).reduce((a, b) => this.#one("fold.scale_out", [a, b], {}, loc)));
    return false;
  }

  /** An op on rows less their grounds, and what it makes of the grounds added to the result. */
  #restored(op: Op, name: string, operands: readonly ValueId[], attrs: Attrs, zero: boolean, make: () => ValueId): void {
    const y = op.results[0]!;
    this.#set(y, make);
    if (zero) {
      this.#rw.emit(name, operands, attrs, op.loc, op.results);
      return;
    }
    const [less] = this.#rw.emit(name, operands, attrs, op.loc);
    this.#rw.emit("shift", [less!, this.#vector(y)], {}, op.loc, op.results);
    this.#shifted.set(y, less!);
    this.#restoredValues.push(y);
  }

  /** x less its ground; of several values side by side each less its own, so that they stay apart. */
  #less(x: ValueId, loc: Loc): ValueId {
    const known = this.#shifted.get(x);
    if (known !== undefined) return known;
    const def = this.#rw.def(x);
    const value = this.#isZero(x) ? x : def?.name === "cat" ? this.#one("cat", def.operands.map((v) => this.#less(v, loc)), {}, loc) : this.#subtract(x, def?.loc ?? loc);
    this.#shifted.set(x, value);
    return value;
  }

  #subtract(x: ValueId, loc: Loc): ValueId {
    this.#stat("shifted");
    return this.#one("shift", [x, this.#one("fold.multiply", [this.#vector(x)], { by: -1 }, loc)], {}, loc);
  }

  #isZero(x: ValueId): boolean {
    return this.#kinds.get(x) === "zero";
  }

  #vector(x: ValueId): ValueId {
    const make = this.#vectors.get(x);
    if (make === undefined) throw new Error(`internal: %${x} has no ground`);
    return make();
  }

  #set(x: ValueId, make: () => ValueId): void {
    let made: ValueId | undefined;
    this.#vectors.set(x, () => (made ??= this.#isZero(x) ? this.#zeros(x) : make()));
  }

  #zeros(x: ValueId): ValueId {
    return this.#one("fold.constant", [], { value: this.#channels(x).map(() => 0) }, this.#rw.def(x)!.loc);
  }

  /** A place for each channel. */
  #channels(x: ValueId): readonly unknown[] {
    const type = this.#rw.typeOf(x);
    if (type.kind !== "feat") throw new Error(`internal: ${type.kind} has no ground`);
    return Array.from({ length: type.channels });
  }

  #one(name: string, operands: readonly ValueId[], attrs: Attrs, loc: Loc): ValueId {
    return this.#rw.one(name, operands, attrs, loc);
  }
}
