import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { required, xParameter, type SurfaceOp } from "./op.ts";

/** The vector of each row's batch item onto the row: what a squeeze-and-excitation block ends with. */
export const broadcast: SurfaceOp = {
  name: "broadcast",
  doc: "Brings a vector per batch item, as a global pool gives it, onto the rows of its item: added (`sum`), multiplied (`product`), as channels behind the row's own (`cat`), or in place of the row (`copy`).",
  weights: false,
  foreign: [],
  parameters: [xParameter, required("v", "tensor", "the vector per batch item"), required("by", "word", "how it meets the row", { choices: ["sum", "product", "cat", "copy"] })],
  build(use) {
    const x = use.cells("x");
    const v = use.vec("v");
    if (x === undefined || v === undefined) return undefined;
    const by = use.text("by")!;
    if (by === "cat") return use.add("cat", [x.id, use.add("broadcast", [x.id, v.id], { by: "copy" })], {});
    if (by === "copy" || x.type.channels === v.type.channels) return use.add("broadcast", [x.id, v.id], { by });
    const labels = [{ span: use.call.span, text: "" }, { span: x.span, text: `${x.type.channels} channels` }, { span: v.span, text: `${v.type.channels} channels` }];
    return use.report(diagnose("SP0303", { operation: `broadcast(by=${by})`, left: x.type.channels, right: v.type.channels }, labels));
  },
};
