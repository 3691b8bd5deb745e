import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { suggest } from "../../parser/diagnostics/suggest.ts";
import { optional, xParameter, type SurfaceOp } from "./op.ts";

export const toDense: SurfaceOp = {
  name: "to_dense",
  doc: "A dense tensor [C, extents…] per batch item, zero where no site is. `fold` puts one axis into the channels: index c · extent + coordinate.",
  weights: false,
  foreign: ["dense", "ToDense", "SparseToDense", "MinkowskiToDenseTensor", "ToDenseBEVConvolution", "HeightCompression"],
  parameters: [xParameter, optional("fold", "text", "name of the axis that goes into the channels", { fallback: "none" })],
  build(use) {
    const x = use.feat("x");
    if (x === undefined) return undefined;
    const { sites } = use.net;
    const root = sites.root(x.type.sites);
    if (sites.extents(x.type.sites) === undefined) {
      return use.report(diagnose("SP0418", {}, [{ span: use.call.span, text: `${root} is unbounded` }, { span: x.span, text: `this is on ${x.type.sites}` }]));
    }
    const fold = use.text("fold") ?? "";
    const axes = sites.axes(root);
    if (fold === "" || axes.includes(fold)) return use.add("to_dense", [x.id], { fold });
    const span = use.spanOf("fold");
    const meant = suggest(fold, axes);
    const help = meant === undefined ? {} : { help: { text: `did you mean \`"${meant}"\`?`, edits: [{ span, text: JSON.stringify(meant) }] } };
    return use.report(diagnose("SP0417", { sites: root, name: fold.slice(0, 32) }, [{ span, text: "no such axis" }], { notes: [`the axes are ${axes.join(", ")}`], ...help }));
  },
};
