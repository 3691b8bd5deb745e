import { ACTIVATIONS, elu, isActivation, softplus } from "../activations.ts";
import { multiplyGroups } from "../interp/gather.ts";
import { operandAs } from "../interp/value.ts";
import { number, numbers, string, type Attrs } from "../module.ts";
import { param, type ParamType } from "../types.ts";
import { groupsAttr } from "./conv.ts";
import type { OpDef } from "./op.ts";

/** Arithmetic of the load phase that grounds need: what layers make of one vector that every site holds. */
export const constantOp: OpDef = {
  name: "fold.constant",
  levels: ["net", "fused", "plan"],
  doc: "A vector of written numbers.",
  operands: [],
  attrs: { value: { kind: "floats", doc: "one number per channel" } },
  infer(ctx) {
    const { length } = numbers(ctx.attrs, "value");
    if (length === 0) ctx.problem("value has no numbers");
    return [param([length])];
  },
  evaluate: (ctx) => [{ kind: "param", shape: [numbers(ctx.attrs, "value").length], data: Float64Array.from(numbers(ctx.attrs, "value")) }],
};

export const uniformOp: OpDef = {
  name: "fold.uniform",
  levels: ["net", "fused", "plan"],
  doc: "What a convolution makes of rows that are v everywhere: the sum over its taps of v · W[tap], group by group.",
  operands: [
    { name: "weight", kinds: ["param"] },
    { name: "v", kinds: ["param"] },
  ],
  attrs: { groups: groupsAttr },
  infer(ctx) {
    const [weight, v] = ctx.types as readonly [ParamType, ParamType];
    const [groups, cin, cout] = [number(ctx.attrs, "groups"), v.shape[0]!, weight.shape.at(-1)!];
    if (weight.shape.length < 2 || v.shape.length !== 1 || groups < 1 || cout % groups !== 0 || weight.shape.at(-2)! * groups !== cin) {
      ctx.problem(`[${v.shape.join(", ")}] cannot go through [${weight.shape.join(", ")}] in ${groups} groups`);
      return [];
    }
    return [param([cout], weight.dtype)];
  },
  evaluate(ctx) {
    const [weight, v] = [operandAs(ctx, 0, "param"), operandAs(ctx, 1, "param")];
    const [reads, cout] = weight.shape.slice(-2) as [number, number];
    const data = new Float64Array(cout);
    for (let tap = 0; tap < weight.data.length / (reads * cout); tap++) multiplyGroups(data, 0, v.data, 0, weight.data, tap, v.data.length, cout, number(ctx.attrs, "groups"));
    return [{ kind: "param", shape: [cout], data }];
  },
};

/** The function that `fold.activate` applies. */
function functionOf(attrs: Attrs): ((x: number) => number) | undefined {
  const [name, by, threshold] = [string(attrs, "do"), number(attrs, "by"), number(attrs, "threshold")];
  if (name === "leaky_relu") return (x) => (x > 0 ? x : x * by);
  if (name === "elu") return (x) => elu(x, by);
  if (name === "softplus") return (x) => softplus(x, by, threshold);
  return isActivation(name) ? ACTIVATIONS[name].of : undefined;
}

export const activateOp: OpDef = {
  name: "fold.activate",
  levels: ["net", "fused", "plan"],
  doc: "An activation of every number of a vector.",
  operands: [{ name: "v", kinds: ["param"] }],
  attrs: {
    do: { kind: "string", values: [...Object.keys(ACTIVATIONS), "leaky_relu", "elu", "softplus"], doc: "the activation" },
    by: { kind: "float", default: 0, doc: "slope of leaky_relu, alpha of elu, beta of softplus" },
    threshold: { kind: "float", default: 20, doc: "of softplus" },
  },
  infer: (ctx) => [ctx.types[0]!],
  evaluate(ctx) {
    const v = operandAs(ctx, 0, "param");
    return [{ ...v, data: v.data.map(functionOf(ctx.attrs)!) }];
  },
};

export const multiplyOp: OpDef = {
  name: "fold.multiply",
  levels: ["net", "fused", "plan"],
  doc: "A parameter times a number.",
  operands: [{ name: "v", kinds: ["param"] }],
  attrs: { by: { kind: "float", doc: "the factor" } },
  infer: (ctx) => [ctx.types[0]!],
  evaluate(ctx) {
    const v = operandAs(ctx, 0, "param");
    return [{ ...v, data: v.data.map((x) => x * number(ctx.attrs, "by")) }];
  },
};
