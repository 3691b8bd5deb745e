import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { suggest } from "../../parser/diagnostics/suggest.ts";
import { DTYPES } from "../types.ts";
import { optional, xParameter, type SurfaceOp } from "./op.ts";

export const toDense: SurfaceOp = {
  name: "to_dense",
  doc: "A dense tensor [C, extents…] per batch item, with `layout=channels_last` [extents…, C], zero where no site is. `fold` puts one axis into the channels: index c · extent + coordinate.",
  weights: false,
  foreign: ["dense", "ToDense", "SparseToDense", "MinkowskiToDenseTensor", "ToDenseBEVConvolution", "HeightCompression"],
  parameters: [xParameter, optional("fold", "text", "name of the axis that goes into the channels", { fallback: "none" }), optional("layout", "word", "whether the channels come before the extents or behind them", { choices: ["channels_first", "channels_last"], fallback: "`channels_first`" })],
  build(use) {
    const x = use.onGrid(use.cells("x", DTYPES));
    if (x === undefined) return undefined;
    const { sites } = use.net;
    const root = sites.root(x.type.sites);
    if (sites.extents(x.type.sites) === undefined) {
      return use.report(diagnose("SP0418", {}, [{ span: use.call.span, text: `${root} is unbounded` }, { span: x.span, text: `this is on ${x.type.sites}` }]));
    }
    const fold = use.text("fold") ?? "";
    const layout = use.text("layout") ?? "channels_first";
    if (fold !== "" && layout === "channels_last") return use.report(diagnose("SP0466", {}, [{ span: use.spanOf("fold"), text: "into the channels" }, { span: use.spanOf("layout"), text: "which come last here" }]));
    const axes = sites.axes(root);
    if (fold === "" || axes.includes(fold)) {
      const y = use.add("to_dense", [x.id], { fold, layout });
      if (layout === "channels_first" && !use.net.isGrid(x.type) && axes.length > (fold === "" ? 0 : 1)) use.net.recordDense(y, x.id, fold, use.net.loc(use.call));
      return y;
    }
    const span = use.spanOf("fold");
    const meant = suggest(fold, axes);
    const help = meant === undefined ? {} : { help: { text: `did you mean \`"${meant}"\`?`, edits: [{ span, text: JSON.stringify(meant) }] } };
    return use.report(diagnose("SP0417", { sites: root, name: fold.slice(0, 32) }, [{ span, text: "no such axis" }], { notes: [`the axes are ${axes.join(", ")}`], ...help }));
  },
};
