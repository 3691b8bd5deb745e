/**
 * `lower`: from the network as written to rulebooks and epilogues, one fused op per network operation. Every
 * convolution and pool asks for its own rulebook; sharing is `reuse-rulebooks`' work, merging that of the fuse passes.
 */
import { isActivation } from "../ir/activations.ts";
import type { Loc } from "../ir/loc.ts";
import { number, siteAttr, string, typeOf, type Module, type Op, type ValueId } from "../ir/module.ts";
import type { BroadcastRule } from "../ir/ops/broadcast.ts";
import { geometryOf, submGeometry } from "../ir/ops/conv.ts";
import { overOf } from "../ir/ops/normalise.ts";
import { kernelVolume } from "../ir/ops/rulebook.ts";
import { tapAxes, tapsOf } from "../ir/ops/shape.ts";
import { unionRuleOf } from "../ir/ops/union.ts";
import type { Geometry, SiteId } from "../ir/sites.ts";
import type { DType, Type } from "../ir/types.ts";
import type { Rounding } from "../ir/whole.ts";
import { withoutGrounds } from "./ground.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";
import type { Item, Term } from "./rewrite/tile.ts";

export const lower = definePass({
  name: "lower",
  summary: "makes rulebooks explicit and turns every network operation into one fused operation",
  legality: [
    "A convolution is pointwise (no rulebook) only when its kernel has one tap, at no offset, and the site set stays.",
    "A kernel that is a cross reads a slice of the rulebook of its box.",
    "Grounds that are still there are taken out first, as by `ground`.",
    "An inverse convolution or pool reads the transpose of the rulebook of its forward relation, tap by tap.",
  ],
  from: "net",
  to: "fused",
  options: {},
  stats: { searches: "rulebook searches asked for", pointwise: "convolutions without a rulebook" },
  run(module, { stat }) {
    const lowering = new Lowering(withoutGrounds(module), stat);
    return lowering.run();
  },
});

class Lowering {
  readonly #module: Module;
  readonly #rw: Rewriter;
  readonly #stat: (name: "searches" | "pointwise", by?: number) => void;

  constructor(module: Module, stat: (name: "searches" | "pointwise", by?: number) => void) {
    this.#module = { ...module, level: "fused" };
    this.#rw = new Rewriter(this.#module);
    this.#stat = stat;
  }

  run(): Module {
    this.#rw.sweep((op) => this.#lower(op));
    // The level has changed even when no op has.
    return { ...this.#rw.finish(), level: "fused" };
  }

  /** True when the op is the same at both levels. */
  #lower(op: Op): boolean {
    switch (op.name) {
      case "subm":
      case "conv":
      case "up":
        this.#conv(op);
        return false;
      case "linear":
        this.#emitConv(op, { x: op.operands[0]!, w: op.operands[1]! });
        return false;
      case "pool":
        this.#pool(op);
        return false;
      case "union":
        this.#union(op);
        return false;
      case "unpool":
        this.#unpool(op);
        return false;
      case "bn":
        this.#batchNorm(op);
        return false;
      case "normalise":
        this.#normalise(op);
        return false;
      case "broadcast":
        this.#rw.emitTile({ head: { kind: "broadcast", x: op.operands[0]!, vector: op.operands[1]!, by: string(op.attrs, "by") as BroadcastRule }, epilogue: [] }, op.loc, op.results);
        return false;
      case "shift":
        this.#pointwise(op, op.operands[0]!, { do: "bias", arg: op.operands[1]! });
        return false;
      case "elu":
        this.#pointwise(op, op.operands[0]!, { do: "elu", alpha: number(op.attrs, "alpha") });
        return false;
      case "softplus":
        this.#pointwise(op, op.operands[0]!, { do: "softplus", beta: number(op.attrs, "beta"), threshold: number(op.attrs, "threshold") });
        return false;
      case "leaky_relu":
        this.#pointwise(op, op.operands[0]!, { do: "leaky_relu", slope: number(op.attrs, "slope") });
        return false;
      case "quantise":
        this.#pointwise(op, op.operands[0]!, { do: "quantise", scale: number(op.attrs, "scale") });
        return false;
      case "saturate":
        this.#pointwise(op, op.operands[0]!, { do: "saturate", bits: 8 });
        return false;
      case "rescale":
        this.#pointwise(op, op.operands[0]!, { do: "rescale", arg: op.operands[1]!, shift: number(op.attrs, "shift"), rounding: string(op.attrs, "rounding") as Rounding });
        return false;
      case "add":
      case "mul":
      case "clip":
      case "scale":
      case "prelu": {
        const saturated: readonly Item[] = op.name === "add" && this.#dtypeOf(op.results[0]!) === "i16" ? [{ do: "saturate", bits: 16 }] : [];
        this.#pointwise(op, op.operands[0]!, { do: op.name, arg: op.operands[1]! }, ...saturated);
        return false;
      }
      default:
        if (!isActivation(op.name)) return true;
        this.#pointwise(op, op.operands[0]!, { do: op.name });
        return false;
    }
  }

  #conv(op: Op): void {
    const [x, w] = [op.operands[0]!, op.operands[1]!];
    const [from, to] = [this.#sitesOf(x), this.#sitesOf(op.results[0]!)];
    const g: Geometry = op.name === "subm" ? submGeometry(this.#rw.sites, from, op.attrs) : geometryOf(op.attrs);
    const inPlace = from === to && kernelVolume(g.kernel) === 1 && g.padding.every((p) => p === 0) && g.stride.every((s) => s === 1);
    const groups = number(op.attrs, "groups");
    const book = (): ValueId => this.#own(op, g, op.name === "up" ? this.#transposed(siteAttr(op.attrs, "onto"), from, g, op.loc) : this.#search(from, to, g, op.loc));
    if (groups > 1) {
      const rb = book();
      this.#rw.emitTile({ head: { kind: "grouped", x, w, rb, groups }, epilogue: this.#bias(op) }, op.loc, op.results);
    } else if (inPlace) this.#emitConv(op, { x, w });
    else this.#emitConv(op, { x, w, rb: book() });
  }

  #emitConv(op: Op, term: Term): void {
    if (term.rb === undefined) this.#stat("pointwise");
    this.#rw.emitTile({ head: { kind: "conv", terms: [term] }, epilogue: this.#bias(op) }, op.loc, op.results);
  }

  #bias(op: Op): readonly Item[] {
    const bias = op.operands[2];
    return bias === undefined ? [] : [{ do: "bias", arg: bias }];
  }

  #pool(op: Op): void {
    const x = op.operands[0]!;
    const g = geometryOf(op.attrs);
    const rb = this.#own(op, g, this.#search(this.#sitesOf(x), this.#sitesOf(op.results[0]!), g, op.loc));
    const [mode, divisor, volume] = [string(op.attrs, "mode"), string(op.attrs, "divisor"), kernelVolume(tapAxes(op.attrs, g.kernel))];
    this.#rw.emitTile({ head: { kind: "pool", x, rb, mode, divisor, volume }, epilogue: [] }, op.loc, op.results);
  }

  /** One operand after another comes onto the union, a row or zeros for each site, and joins what is there. */
  #union(op: Op): void {
    const to = this.#sitesOf(op.results[0]!);
    const ones = this.#rw.sites.axes(to).map(() => 1);
    const g: Geometry = { kernel: ones, stride: ones, padding: ones.map(() => 0), dilation: ones };
    const join = unionRuleOf(op.attrs) === "sum" ? "add" : "mul";
    let joined: ValueId | undefined;
    op.operands.forEach((x, i) => {
      const from = this.#sitesOf(x);
      const epilogue: readonly Item[] = joined === undefined ? [] : [{ do: join, arg: joined }];
      const last = i === op.operands.length - 1;
      if (from === to && joined === undefined && !last) {
        joined = x;
        return;
      }
      const head = from === to ? { kind: "pointwise" as const, x } : { kind: "pool" as const, x, rb: this.#search(from, to, g, op.loc), mode: "sum", divisor: "count", volume: 1 };
      [joined] = this.#rw.emitTile({ head, epilogue }, op.loc, last ? op.results : undefined);
    });
  }

  #unpool(op: Op): void {
    const x = op.operands[0]!;
    const g = geometryOf(op.attrs);
    const rb = this.#own(op, g, this.#transposed(siteAttr(op.attrs, "onto"), this.#sitesOf(x), g, op.loc));
    this.#rw.emitTile({ head: { kind: "pool", x, rb, mode: string(op.attrs, "mode"), divisor: "count", volume: kernelVolume(tapAxes(op.attrs, g.kernel)) }, epilogue: [] }, op.loc, op.results);
  }

  #batchNorm(op: Op): void {
    const [mean, variance] = op.operands.slice(-2) as [ValueId, ValueId];
    const [x, gamma, beta] = (op.attrs["affine"] === true ? op.operands : [op.operands[0]!, this.#fill(op, 1), this.#fill(op, 0)]) as [ValueId, ValueId, ValueId];
    const scale = this.#rw.one("fold.bn_scale", [gamma, variance], { eps: op.attrs["eps"]! }, op.loc);
    const shift = this.#rw.one("fold.bn_shift", [beta, mean, scale], {}, op.loc);
    this.#pointwise(op, x, { do: "affine", scale, shift });
  }

  #fill(op: Op, value: number): ValueId {
    const type: Type = typeOf(this.#module, op.operands[0]!);
    if (type.kind !== "feat" && type.kind !== "vec") throw new Error(`internal: a norm of ${type.kind}`);
    return this.#rw.one("fold.constant", [], { value: Array.from({ length: type.channels }, () => value) }, op.loc);
  }

  #normalise(op: Op): void {
    const [x, scale, shift] = op.operands as [ValueId, ValueId | undefined, ValueId | undefined];
    const epilogue: readonly Item[] = scale === undefined || shift === undefined ? [] : [{ do: "affine", scale, shift }];
    this.#rw.emitTile({ head: { kind: "normalise", x, over: overOf(op.attrs), groups: number(op.attrs, "groups"), eps: number(op.attrs, "eps") }, epilogue }, op.loc, op.results);
  }

  #pointwise(op: Op, x: ValueId, ...epilogue: readonly Item[]): void {
    this.#rw.emitTile({ head: { kind: "pointwise", x }, epilogue }, op.loc, op.results);
  }

  /** The op's own taps of the rulebook of its box. */
  #own(op: Op, g: Geometry, rb: ValueId): ValueId {
    const taps = tapsOf(op.attrs, g.kernel);
    return taps === undefined ? rb : this.#rw.one("rulebook.slice", [rb], { kernel: [taps.length], taps }, op.loc);
  }

  #search(from: SiteId, to: SiteId, g: Geometry, loc: Loc): ValueId {
    this.#stat("searches");
    const attrs = { from, to, kernel: g.kernel, stride: g.stride, padding: g.padding, dilation: g.dilation, mirrored: false };
    return this.#rw.one("rulebook.search", [], attrs, loc);
  }

  #transposed(fine: SiteId, coarse: SiteId, g: Geometry, loc: Loc): ValueId {
    return this.#rw.one("rulebook.transpose", [this.#search(fine, coarse, g, loc)], {}, loc);
  }

  #dtypeOf(value: ValueId): DType | undefined {
    const type = typeOf(this.#module, value);
    return "dtype" in type ? type.dtype : undefined;
  }

  #sitesOf(value: ValueId): SiteId {
    const type: Type = typeOf(this.#module, value);
    if (type.kind !== "feat") throw new Error(`internal: %${value} is ${type.kind}, expected features`);
    return type.sites;
  }
}
