import { evaluateEpilogue, multiplyRows } from "../interp/epilogue.ts";
import { multiplyGroups, reduceRows } from "../interp/gather.ts";
import { operandAs, type EvalContext, type FeatValue, type ParamValue, type RowsValue, type RulebookValue, type Value } from "../interp/value.ts";
import { isList, isObject, number, string, type Attrs, type AttrValue } from "../module.ts";
import { DTYPES, feat, type FeatType, type ParamType, type RulebookType, type Type } from "../types.ts";
import { checkPointwiseWeight } from "./channels.ts";
import { checkNumbers, checkWeights, groupsAttr } from "./conv.ts";
import type { RowsType } from "./elementwise.ts";
import { checkAllUsed, epilogueOf, epilogueOperands, inferEpilogue, readEpilogue, refuseLinear, type EpilogueItem } from "./epilogue.ts";
import type { AttrDef, InferContext, OpDef, OperandDef } from "./op.ts";
import { checkPooled, poolDivisor, poolMode, poolModeOf } from "./pool.ts";
import { kernelVolume } from "./rulebook.ts";

/** One summand of a fused convolution; numbers are operand indices. Without `rb` it reads its own row. */
export interface FusedTerm {
  readonly x: number;
  readonly w: number;
  readonly rb?: number;
  /** Many of the operand's numbers are zero: products with them may be left out. */
  readonly zeros?: true;
}

export const epilogueAttr: AttrDef = { kind: "any", default: [], doc: "steps applied in order to the accumulated row" };

export const anyOperands: OperandDef = { name: "operands", kinds: ["feat", "vec", "param", "rulebook"], variadic: true, numbers: DTYPES };

/** The terms of a verified fused.conv or fused.grouped. */
export function termsOf(attrs: Attrs): readonly FusedTerm[] {
  const terms = readTerms(attrs["terms"]);
  if (terms === undefined) throw new Error("internal: malformed terms");
  return terms;
}

function readTerms(value: AttrValue | undefined): readonly FusedTerm[] | undefined {
  if (!isList(value) || value.length === 0 || !value.every(isTerm)) return undefined;
  return value as unknown as readonly FusedTerm[];
}

function isTerm(value: AttrValue): boolean {
  if (!isObject(value)) return false;
  const keys = Object.keys(value);
  return keys.includes("x") && keys.includes("w") && keys.every((k) => (k === "zeros" ? value[k] === true : ["x", "w", "rb"].includes(k) && Number.isInteger(value[k])));
}

/** Type of operand `index` if it is of one of `kinds`, else undefined after reporting. */
export function operandOf<K extends Type["kind"]>(ctx: InferContext, index: number, role: string, kinds: readonly K[]): Extract<Type, { kind: K }> | undefined {
  const type = ctx.types[index];
  if (type !== undefined && (kinds as readonly string[]).includes(type.kind)) return type as Extract<Type, { kind: K }>;
  ctx.problem(`${role}: ${type === undefined ? `there is no operand ${index}` : `operand ${index} is a ${type.kind}, expected ${kinds.join(" or ")}`}`);
  return undefined;
}

/** Row type of one term: where it lands and with how many channels. */
function termType(ctx: InferContext, term: FusedTerm, i: number): RowsType | undefined {
  const x = operandOf(ctx, term.x, `term ${i}`, ["feat", "vec"]);
  const w = operandOf(ctx, term.w, `term ${i}`, ["param"]);
  if (term.rb === undefined) {
    if (x === undefined || w === undefined) return undefined;
    const problem = (m: string): void => ctx.problem(`term ${i}: ${m}`);
    return { ...x, channels: checkPointwiseWeight(problem, w.shape, x.channels), dtype: checkNumbers(problem, x.dtype, w, undefined) };
  }
  const rb = operandOf(ctx, term.rb, `term ${i}`, ["rulebook"]);
  if (x === undefined || w === undefined || rb === undefined) return undefined;
  return gatherType(ctx, x, w, rb, `term ${i}`);
}

/** Row type of a convolution of `x` by `w` through `rb`. */
export function gatherType(ctx: InferContext, x: RowsType, w: ParamType, rb: RulebookType, role: string, groups = 1): FeatType | undefined {
  if (x.kind !== "feat" || x.sites !== rb.from) {
    ctx.problem(`${role}: the rulebook reads @${rb.from}, its operand is ${x.kind} on @${x.sites}`);
    return undefined;
  }
  const problem = (m: string): void => ctx.problem(`${role}: ${m}`);
  const cout = checkWeights({ ...ctx, problem }, rb.kernel, x, w, undefined, groups);
  return feat(rb.to, cout, checkNumbers(problem, x.dtype, w, undefined));
}

/** Σ over taps and pairs of x[from] · W[tap], group by group. */
export function gatherMultiply(x: RowsValue, w: ParamValue, rb: RulebookValue, groups = 1): FeatValue {
  const cout = w.shape.at(-1)!;
  const data = new Float64Array(rb.to.count * cout);
  rb.pairs.forEach((pairs, tap) => {
    for (let i = 0; i < pairs.length; i += 2) multiplyGroups(data, pairs[i + 1]!, x.data, pairs[i]!, w.data, tap, x.channels, cout, groups);
  });
  return { kind: "feat", sites: rb.to, channels: cout, data };
}

function evaluateTerm(ctx: EvalContext, term: FusedTerm): RowsValue {
  const [x, w] = [operandAs(ctx, term.x, "feat", "vec"), operandAs(ctx, term.w, "param")];
  return term.rb === undefined ? multiplyRows(x, w) : gatherMultiply(x, w, operandAs(ctx, term.rb, "rulebook"));
}

/** Results of an op that ends with its epilogue: the emits, then the final value. */
function finish(ctx: EvalContext, items: readonly EpilogueItem[], y: RowsValue): readonly Value[] {
  const { emits, final } = evaluateEpilogue(ctx, items, y);
  return [...emits, final];
}

export const fusedConvOp: OpDef = {
  name: "fused.conv",
  levels: ["fused"],
  doc: "Sum of convolutions through rulebooks and of pointwise products, then an epilogue on the accumulated row.",
  operands: [anyOperands],
  attrs: {
    terms: { kind: "any", doc: "list of {x, w, rb?, zeros?}: operand indices; without rb the term reads its own row, weight [Cin, Cout]; zeros = true says that products with zeros of x are worth leaving out" },
    epilogue: epilogueAttr,
  },
  infer(ctx) {
    const terms = readTerms(ctx.attrs["terms"]);
    if (terms === undefined) ctx.problem("terms must be a list of {x, w, rb?} with operand indices, at least one");
    const items = readEpilogue(ctx.attrs["epilogue"], ctx.problem);
    if (terms === undefined || items === undefined) return [];
    const types = terms.map((term, i) => termType(ctx, term, i));
    checkAllUsed(ctx, [...terms.flatMap((t) => [t.x, t.w, t.rb ?? t.x]), ...items.flatMap(epilogueOperands)]);
    const first = types[0];
    if (first === undefined) return [];
    types.forEach((t, i) => {
      if (t !== undefined && (t.sites !== first.sites || t.channels !== first.channels || t.kind !== first.kind)) {
        ctx.problem(`term ${i} gives ${t.channels} channels on @${t.sites}, term 0 gives ${first.channels} on @${first.sites}`);
      }
      if (t !== undefined && t.dtype !== first.dtype) ctx.problem(`term ${i} gives ${t.dtype}, term 0 gives ${first.dtype}`);
    });
    const result = inferEpilogue(ctx, items, first);
    return result === undefined ? [] : [...result.emits, result.final];
  },
  evaluate(ctx) {
    const [first, ...others] = termsOf(ctx.attrs).map((term) => evaluateTerm(ctx, term));
    for (const other of others) other.data.forEach((v, i) => (first!.data[i]! += v));
    return finish(ctx, epilogueOf(ctx.attrs["epilogue"]), first!);
  },
};

export const fusedGroupedOp: OpDef = {
  name: "fused.grouped",
  levels: ["fused"],
  doc: "Convolution in groups of channels (depthwise where a group has one), then an epilogue on the accumulated row that mixes no channels.",
  operands: [anyOperands],
  attrs: {
    terms: { kind: "any", doc: "one {x, w, rb}: operand indices" },
    groups: { ...groupsAttr, doc: "groups of channels, at least 2" },
    epilogue: epilogueAttr,
  },
  infer(ctx) {
    const [term, ...others] = readTerms(ctx.attrs["terms"]) ?? [];
    if (term?.rb === undefined || others.length > 0) ctx.problem("terms must be a list of one {x, w, rb} with operand indices");
    const items = readEpilogue(ctx.attrs["epilogue"], ctx.problem);
    const groups = number(ctx.attrs, "groups");
    if (groups < 2) ctx.problem("groups must be at least 2");
    if (term?.rb === undefined || others.length > 0 || items === undefined || groups < 2) return [];
    checkAllUsed(ctx, [term.x, term.w, term.rb, ...items.flatMap(epilogueOperands)]);
    refuseLinear(ctx, items);
    const [x, w, rb] = [operandOf(ctx, term.x, "x", ["feat"]), operandOf(ctx, term.w, "weight", ["param"]), operandOf(ctx, term.rb, "rb", ["rulebook"])];
    const start = x === undefined || w === undefined || rb === undefined ? undefined : gatherType(ctx, x, w, rb, "grouped", groups);
    const result = start === undefined ? undefined : inferEpilogue(ctx, items, start);
    return result === undefined ? [] : [...result.emits, result.final];
  },
  evaluate(ctx) {
    const { x, w, rb } = termsOf(ctx.attrs)[0]!;
    const y = gatherMultiply(operandAs(ctx, x, "feat"), operandAs(ctx, w, "param"), operandAs(ctx, rb!, "rulebook"), number(ctx.attrs, "groups"));
    return finish(ctx, epilogueOf(ctx.attrs["epilogue"]), y);
  },
};

export const fusedPointwiseOp: OpDef = {
  name: "fused.pointwise",
  levels: ["fused"],
  doc: "An epilogue applied to the rows of its first operand.",
  operands: [{ name: "x", kinds: ["feat", "vec"], numbers: DTYPES }, anyOperands],
  attrs: { epilogue: epilogueAttr },
  infer(ctx) {
    const items = readEpilogue(ctx.attrs["epilogue"], ctx.problem);
    if (items === undefined) return [];
    checkAllUsed(ctx, [0, ...items.flatMap(epilogueOperands)]);
    const result = inferEpilogue(ctx, items, ctx.types[0] as RowsType);
    return result === undefined ? [] : [...result.emits, result.final];
  },
  evaluate: (ctx) => finish(ctx, epilogueOf(ctx.attrs["epilogue"]), operandAs(ctx, 0, "feat", "vec")),
};

export const fusedPoolOp: OpDef = {
  name: "fused.pool",
  levels: ["fused"],
  doc: "Local pool through a rulebook, then an epilogue on the pooled row.",
  operands: [{ name: "x", kinds: ["feat"], numbers: DTYPES }, { name: "rb", kinds: ["rulebook"] }, anyOperands],
  attrs: {
    mode: poolMode,
    divisor: poolDivisor,
    volume: { kind: "int", doc: "taps of the kernel, what avg divides by when divisor = volume" },
    epilogue: epilogueAttr,
  },
  infer(ctx) {
    const [x, rb] = [ctx.types[0] as FeatType, ctx.types[1] as RulebookType];
    const items = readEpilogue(ctx.attrs["epilogue"], ctx.problem);
    if (items === undefined) return [];
    if (x.sites !== rb.from) ctx.problem(`the rulebook reads @${rb.from}, its operand is on @${x.sites}`);
    checkPooled(ctx, x);
    if (number(ctx.attrs, "volume") !== kernelVolume(rb.kernel)) ctx.problem(`volume must be ${kernelVolume(rb.kernel)}`);
    checkAllUsed(ctx, [0, 1, ...items.flatMap(epilogueOperands)]);
    const result = inferEpilogue(ctx, items, feat(rb.to, x.channels, x.dtype));
    return result === undefined ? [] : [...result.emits, result.final];
  },
  evaluate(ctx) {
    const [x, rb] = [operandAs(ctx, 0, "feat"), operandAs(ctx, 1, "rulebook")];
    const divisor = string(ctx.attrs, "divisor") === "volume" ? number(ctx.attrs, "volume") : undefined;
    const data = reduceRows(poolModeOf(ctx.attrs), divisor, x.data, x.channels, rb.to.count, (visit) => {
      for (const pairs of rb.pairs) for (let i = 0; i < pairs.length; i += 2) visit(pairs[i]!, pairs[i + 1]!);
    });
    return finish(ctx, epilogueOf(ctx.attrs["epilogue"]), { kind: "feat", sites: rb.to, channels: x.channels, data });
  },
};
