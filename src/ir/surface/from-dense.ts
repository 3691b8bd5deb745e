/** From dense tensors back to sparse features: at the cells that hold something, or at the sites of another value. */
import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { ValueId } from "../module.ts";
import { DTYPES, type FeatType } from "../types.ts";
import { optional, required, type SurfaceOp } from "./op.ts";
import type { Operand, Use } from "./use.ts";

export const fromDense: SurfaceOp = {
  name: "from_dense",
  doc: "Sparse features of a dense tensor, at the cells where any channel differs from 0. These sites depend on the data: each `from_dense` gives a set of its own, as `prune` does. With `ground=` they are the cells that differ from the ground, which all others hold from there on, as with the `ground=` of sites. With `onto=` features are read at sites that are known.",
  weights: false,
  foreign: ["DenseToSparse", "to_sparse", "MinkowskiToSparseTensor", "SparseConvTensorFromDense"],
  parameters: [
    required("x", "tensor", "a dense tensor"),
    optional("ground", "floats", "what cells without a site hold, one number or one per channel", { fallback: "they hold 0 and count as missing" }),
    optional("onto", "onto", "a value whose sites are the result's, on the grid of the tensor", { fallback: "sites of its own" }),
  ],
  foreignArguments: {
    fold: { kind: "later", what: "`from_dense` of axes that lie in the channels", note: "`linear` or `conv2d` can work on them where they are" },
    layout: { kind: "needless", why: "operations go on from tensors with the channels first" },
  },
  build(use) {
    const x = use.grid("x");
    if (x === undefined) return undefined;
    return use.has("onto") ? sampled(use, x) : found(use, x);
  },
};

/** The rows of known sites: a pool of one tap. */
function sampled(use: Use, x: Operand<FeatType>): ValueId | undefined {
  const onto = use.feat("onto", DTYPES);
  if (onto === undefined) return undefined;
  if (use.has("ground")) {
    const labels = [{ span: use.spanOf("ground"), text: "decides which sites there are" }, { span: use.spanOf("onto"), text: "but these are known" }];
    return use.report(diagnose("SP0480", {}, labels, { help: { text: "leave `ground` out" } }));
  }
  const { sites } = use.net;
  const ones = sites.axes(x.type.sites).map(() => 1);
  if (!sites.coversGrid(x.type.sites, onto.type.sites)) {
    const labels = [{ span: onto.span, text: `this is on ${use.net.describeGrid(onto.type.sites)}` }, { span: x.span, text: `this has ${use.net.describeAxes(x.type.sites)}` }];
    return use.report(diagnose("SP0481", {}, labels));
  }
  return use.add("pool", [x.id], { mode: "sum", kernel: ones, stride: ones, padding: ones.map(() => 0), dilation: ones, sites: "given", onto: onto.type.sites, shape: "box", divisor: "count" });
}

/** The rows that hold something: a mask of them, and a pruning by it. */
function found(use: Use, x: Operand<FeatType>): ValueId | undefined {
  const ground = use.has("ground") ? use.perChannel("ground", x.type.channels) : null;
  if (ground === undefined) return undefined;
  const { net } = use;
  const loc = net.loc(use.call);
  const compared = ground === null || ground.every((g) => g === 0) ? [] : [net.builder.one("fold.constant", [], { value: ground }, loc)];
  const mask = use.add("active", [x.id, ...compared], {});
  const kept = use.add("prune", [x.id, mask], { above: 0, sites: net.sites.derivePrune(x.type.sites) });
  return ground === null ? kept : net.onGround(kept, ground, loc);
}
