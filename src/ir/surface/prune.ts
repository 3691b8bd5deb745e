import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { DTYPES } from "../types.ts";
import { differentSites } from "./combine.ts";
import { optional, required, xParameter, type SurfaceOp } from "./op.ts";

export const prune: SurfaceOp = {
  name: "prune",
  doc: "Keeps the sites where a mask of one channel is greater than a threshold. The sites that stay depend on the data, so each `prune` gives a site set of its own; use its result with `onto=` to bring other values there.",
  weights: false,
  foreign: ["MinkowskiPruning"],
  parameters: [xParameter, required("mask", "tensor", "features of one channel on the same sites"), optional("above", "float", "the threshold", { fallback: "`0`" })],
  foreignArguments: { threshold: { kind: "spelled", spelling: "above" } },
  build(use) {
    const [x, mask] = [use.feat("x", DTYPES), use.feat("mask", DTYPES)];
    const above = use.float32("above", 0);
    if (x === undefined || mask === undefined || above === undefined) return undefined;
    if (x.type.sites !== mask.type.sites) return differentSites(use, x, mask);
    if (mask.type.channels !== 1) return use.report(diagnose("SP0465", { found: mask.type.channels }, [{ span: mask.span, text: `${mask.type.channels} channels` }]));
    return use.add("prune", [x.id, mask.id], { above, sites: use.net.sites.derivePrune(x.type.sites) });
  },
};
