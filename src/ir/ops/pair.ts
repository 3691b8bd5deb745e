import { evaluateEpilogue } from "../interp/epilogue.ts";
import { operandAs } from "../interp/value.ts";
import { isObject, number, type Attrs, type AttrValue } from "../module.ts";
import { sameType } from "../types.ts";
import { checkAllUsed, epilogueOperands, inferEpilogue, readEpilogue, refuseLinear, type EpilogueItem } from "./epilogue.ts";
import { anyOperands, gatherMultiply, gatherType, operandOf } from "./fused.ts";
import type { OpDef } from "./op.ts";

/** A pair's structure; numbers are operand indices. */
export interface FusedPair {
  readonly first: { readonly x: number; readonly w: number; readonly epilogue: readonly EpilogueItem[] };
  readonly second: { readonly w: number; readonly epilogue: readonly EpilogueItem[] };
  readonly rb: number;
  readonly halo: number;
}

/** The structure of a verified fused.pair. */
export function pairOf(attrs: Attrs): FusedPair {
  const pair = readPair(attrs, () => undefined);
  if (pair === undefined) throw new Error("internal: malformed pair");
  return pair;
}

function readPair(attrs: Attrs, problem: (message: string) => void): FusedPair | undefined {
  const [first, second] = [attrs["first"], attrs["second"]];
  if (!isObject(first) || !isObject(second) || !exactly(first, ["x", "w"]) || !exactly(second, ["w"])) {
    problem("first must be {x, w, epilogue} and second {w, epilogue}, with operand indices");
    return undefined;
  }
  const before = readEpilogue(first["epilogue"], problem);
  const after = readEpilogue(second["epilogue"], problem);
  if (before === undefined || after === undefined) return undefined;
  return {
    first: { x: number(first, "x"), w: number(first, "w"), epilogue: before },
    second: { w: number(second, "w"), epilogue: after },
    rb: number(attrs, "rb"),
    halo: number(attrs, "halo"),
  };
}

const exactly = (value: { readonly [key: string]: AttrValue }, indices: readonly string[]): boolean =>
  Object.keys(value).length === indices.length + 1 && value["epilogue"] !== undefined && indices.every((k) => Number.isInteger(value[k]));

export const fusedPairOp: OpDef = {
  name: "fused.pair",
  levels: ["fused"],
  doc: "Two convolutions on one submanifold rulebook, the rows between them on chip; results: emits of the first, emits of the second, final value.",
  operands: [anyOperands],
  attrs: {
    first: { kind: "any", doc: "{x, w, epilogue} of the first convolution" },
    second: { kind: "any", doc: "{w, epilogue} of the second" },
    rb: { kind: "int", doc: "operand index of the rulebook" },
    halo: { kind: "int", doc: "operand index of its halo tables" },
  },
  infer(ctx) {
    const pair = readPair(ctx.attrs, ctx.problem);
    if (pair === undefined) return [];
    const x = operandOf(ctx, pair.first.x, "first", ["feat"]);
    const [w1, w2] = [operandOf(ctx, pair.first.w, "first", ["param"]), operandOf(ctx, pair.second.w, "second", ["param"])];
    const [rb, halo] = [operandOf(ctx, pair.rb, "rb", ["rulebook"]), operandOf(ctx, pair.halo, "halo", ["rulebook"])];
    checkAllUsed(ctx, [
      ...[pair.first.x, pair.first.w, pair.second.w, pair.rb, pair.halo],
      ...[...pair.first.epilogue, ...pair.second.epilogue].flatMap(epilogueOperands),
    ]);
    refuseLinear(ctx, [...pair.first.epilogue, ...pair.second.epilogue]);
    if (x === undefined || w1 === undefined || w2 === undefined || rb === undefined || halo === undefined) return [];
    if (rb.from !== rb.to) ctx.problem(`a pair needs a submanifold rulebook, this leads from @${rb.from} to @${rb.to}`);
    if (!sameType(rb, halo)) ctx.problem("the halo tables are of another rulebook");
    const start = gatherType(ctx, x, w1, rb, "first");
    if (start === undefined) return [];
    const middle = inferEpilogue({ ...ctx, problem: (m) => ctx.problem(`first: ${m}`) }, pair.first.epilogue, start);
    if (middle === undefined) return [];
    if (middle.final.kind === "dense") {
      ctx.problem("first: the rows between two convolutions cannot be dense");
      return [];
    }
    const next = gatherType(ctx, middle.final, w2, rb, "second");
    if (next === undefined) return [];
    const end = inferEpilogue({ ...ctx, problem: (m) => ctx.problem(`second: ${m}`) }, pair.second.epilogue, next);
    return end === undefined ? [] : [...middle.emits, ...end.emits, end.final];
  },
  evaluate(ctx) {
    const { first, second, rb } = pairOf(ctx.attrs);
    const book = operandAs(ctx, rb, "rulebook");
    const start = gatherMultiply(operandAs(ctx, first.x, "feat"), operandAs(ctx, first.w, "param"), book);
    const middle = evaluateEpilogue(ctx, first.epilogue, start);
    if (middle.final.kind !== "feat") throw new Error("internal: the rows between two convolutions are no features");
    const next = gatherMultiply(middle.final, operandAs(ctx, second.w, "param"), book);
    const end = evaluateEpilogue(ctx, second.epilogue, next);
    return [...middle.emits, ...end.emits, end.final];
  },
};
