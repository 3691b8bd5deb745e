import { operandAs, type FeatValue } from "../interp/value.ts";
import { string, type Attrs } from "../module.ts";
import { feat, type FeatType } from "../types.ts";
import type { AttrDef, OpDef } from "./op.ts";

/** How the features of a site that several operands have are put together. */
export type UnionRule = "sum" | "product";

export const unionRuleOf = (attrs: Attrs): UnionRule => string(attrs, "by") as UnionRule;

const by: AttrDef = { kind: "string", values: ["sum", "product"], default: "sum", doc: "what is made of the operands' features at a site" };

/** Elementwise sum or product on the union of the operands' sites. */
export const unionOp: OpDef = {
  name: "union",
  levels: ["net"],
  doc: "Sum or product of features on the union of their sites; where an operand has no site it is its ground, or 0 without one.",
  operands: [
    { name: "a", kinds: ["feat"] },
    { name: "b", kinds: ["feat"] },
    { name: "more", kinds: ["feat"], variadic: true },
  ],
  attrs: { by },
  infer(ctx) {
    const types = ctx.types as readonly FeatType[];
    const [first] = types as readonly [FeatType, ...FeatType[]];
    const other = types.find((t) => t.channels !== first.channels || t.dtype !== first.dtype);
    if (other !== undefined) ctx.problem(`operands have ${first.channels} and ${other.channels} channels`);
    const away = types.find((t) => !ctx.sites.sameGrid(first.sites, t.sites));
    if (away !== undefined) ctx.problem(`@${first.sites} and @${away.sites} are not on one grid`);
    return other === undefined && away === undefined ? [feat(ctx.sites.deriveUnion(types.map((t) => t.sites)), first.channels, first.dtype)] : [];
  },
  evaluate(ctx) {
    const parts = ctx.operands.map((_, i) => operandAs(ctx, i, "feat"));
    const sites = ctx.sites((ctx.resultTypes[0] as FeatType).sites);
    const { channels } = parts[0]!;
    const product = unionRuleOf(ctx.attrs) === "product";
    const data = new Float64Array(sites.count * channels).fill(product ? 1 : 0);
    for (let row = 0; row < sites.count; row++) {
      for (const part of parts) {
        const found = part.sites.find(sites.coords, row * (sites.dim + 1));
        for (let c = 0; c < channels; c++) {
          const value = found < 0 ? (part.ground?.[c] ?? 0) : part.data[found * channels + c]!;
          const at = row * channels + c;
          data[at] = product ? data[at]! * value : data[at]! + value;
        }
      }
    }
    const grounds = parts.flatMap((part) => part.ground ?? []);
    const ground = grounds.length < parts.length ? undefined : grounds.reduce((a, b) => a.map((v, c) => (product ? v * b[c]! : v + b[c]!)));
    return [{ kind: "feat", sites, channels, data, ...(ground && { ground }) } satisfies FeatValue];
  },
};
