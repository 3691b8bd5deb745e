import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { chooseGeometry, dParameter, kParameter, ontoParameter, pParameter, sitesParameter, sParameter } from "./geometry.ts";
import { optional, xParameter, type SurfaceOp } from "./op.ts";
import type { Use } from "./use.ts";

type Mode = "max" | "avg" | "sum";

const modes: readonly { readonly mode: Mode; readonly doc: string; readonly word: string; readonly long: string }[] = [
  { mode: "max", doc: "largest", word: "Max", long: "Max" },
  { mode: "avg", doc: "average", word: "Avg", long: "Average" },
  { mode: "sum", doc: "sum", word: "Sum", long: "Sum" },
];

const divisorParameter = optional("divisor", "word", "what the average divides by: the number of active inputs or the kernel's volume", {
  choices: ["count", "volume"],
  fallback: "the dialect's; without a dialect it must be written",
});

/** The divisor of an average; undefined after reporting. Other modes have none, and `count` stands in. */
function chooseDivisor(use: Use, mode: Mode): string | undefined {
  if (mode !== "avg") return "count";
  const chosen = use.text("divisor") ?? use.net.dialect?.divisor;
  if (chosen !== undefined) return chosen;
  const notes = ["spconv and MinkowskiEngine: the number of active inputs (`divisor=count`)", "SparseConvNet: the number of kernel cells (`divisor=volume`)"];
  return use.report(diagnose("SP0419", {}, [{ span: use.call.span, text: "divided by what?" }], { notes, help: { text: "write `divisor=count` or `divisor=volume`" } }));
}

const local = modes.map(({ mode, doc, word, long }): SurfaceOp => ({
  name: `${mode}_pool`,
  doc: `The ${doc} over the active inputs under the kernel; sites as for \`conv\`.`,
  weights: false,
  foreign: [`Sparse${word}Pool1d`, `Sparse${word}Pool2d`, `Sparse${word}Pool3d`, `Sparse${word}Pool4d`, `Minkowski${word}Pooling`, `${long}Pooling`, `${word}Pool2d`, `${word}Pool3d`],
  parameters: [xParameter, kParameter, sParameter, pParameter, dParameter, sitesParameter, ontoParameter, ...(mode === "avg" ? [divisorParameter] : [])],
  build(use) {
    const x = use.feat("x");
    const chosen = x && chooseGeometry(use, x);
    const divisor = chosen && chooseDivisor(use, mode);
    if (x === undefined || chosen === undefined || divisor === undefined) return undefined;
    const y = use.add("pool", [x.id], { mode, ...chosen.geometry, sites: chosen.rule, onto: chosen.onto ?? "", divisor });
    if (chosen.rule !== "same") use.net.recordStep(x.type.sites, y, chosen.geometry, use.call.span);
    return y;
  },
}));

const global = modes.map(({ mode, doc, word }): SurfaceOp => ({
  name: `global_${mode}_pool`,
  doc: `The ${doc} over all sites of a batch item: one vector per item.`,
  weights: false,
  foreign: [`SparseGlobal${word}Pool`, `MinkowskiGlobal${word}Pooling`, `Global${word}Pool`, `global_${mode}`],
  parameters: [xParameter],
  build(use) {
    const x = use.feat("x");
    return x && use.add("global_pool", [x.id], { mode });
  },
}));

export const pools: readonly SurfaceOp[] = [...local, ...global];
