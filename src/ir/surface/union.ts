import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { FeatType } from "../types.ts";
import { optional, required, type SurfaceOp } from "./op.ts";
import type { Operand } from "./use.ts";

export const union: SurfaceOp = {
  name: "union",
  doc: "Joins features on different sites of one grid: the result is on the union of the sites, where a value counts as 0 at a site that it lacks. `by=product` multiplies instead of adding, so only sites that all values have can be different from 0.",
  weights: false,
  foreign: ["MinkowskiUnion", "sparse_add", "AddTableMisaligned", "generative_add"],
  parameters: [
    required("values", "tensors", "the values, two or more with as many channels each"),
    optional("by", "word", "what is made of the features at a site", { choices: ["sum", "product"], fallback: "`sum`" }),
  ],
  build(use) {
    const parts: Operand<FeatType>[] = [];
    for (const operand of use.operands("values")) {
      const part = use.sparse(operand);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    const [first, ...rest] = parts;
    if (first === undefined || rest.length === 0) {
      return use.report(diagnose("SP0207", { operation: "union", parameter: "values" }, [{ span: use.call.span, text: first === undefined ? "nothing to join" : "one value alone" }]));
    }
    const narrow = rest.find((x) => x.type.channels !== first.type.channels);
    if (narrow !== undefined) {
      const labels = [{ span: use.call.span, text: "" }, ...[first, narrow].map((x) => ({ span: x.span, text: `${x.type.channels} channels` }))];
      return use.report(diagnose("SP0303", { operation: "union", left: first.type.channels, right: narrow.type.channels }, labels));
    }
    const { sites } = use.net;
    const away = rest.find((x) => !sites.sameGrid(first.type.sites, x.type.sites));
    if (away !== undefined) {
      const labels = [{ span: use.call.span, text: "not one grid" }, ...[first, away].map((x) => ({ span: x.span, text: `this is on ${use.net.describeGrid(x.type.sites)}` }))];
      return use.report(diagnose("SP0460", { operation: "union" }, labels));
    }
    return use.add("union", parts.map((x) => x.id), { by: use.text("by") ?? "sum" });
  },
};
