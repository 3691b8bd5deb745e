import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { pooledNumbers } from "../ops/pool.ts";
import { DTYPES, REAL, type FeatType } from "../types.ts";
import { chooseGeometry, dParameter, kParameter, ontoParameter, pParameter, sitesParameter, sParameter } from "./geometry.ts";
import { averageInPadding, chooseGridGeometry, sticksOut } from "./grid.ts";
import { optional, xParameter, type SurfaceOp } from "./op.ts";
import { readShape, shapeParameter } from "./shape.ts";
import { findWay } from "./up.ts";
import type { Operand, Use } from "./use.ts";

type Mode = "max" | "avg" | "sum";

const modes: readonly { readonly mode: Mode; readonly doc: string; readonly word: string; readonly long: string }[] = [
  { mode: "max", doc: "largest", word: "Max", long: "Max" },
  { mode: "avg", doc: "average", word: "Avg", long: "Average" },
  { mode: "sum", doc: "sum", word: "Sum", long: "Sum" },
];

const divisorParameter = optional("divisor", "word", "what the average divides by: the number of active inputs or the kernel's volume", {
  choices: ["count", "volume"],
  fallback: "the dialect's; without a dialect it must be written; of dense tensors `volume`, PyTorch's `count_include_pad`",
});

const clampParameter = optional("clamp0", "bool", "whether 0 counts as an input too, as in spconv and SparseConvNet, whose maxima begin at 0: negative maxima become 0", { fallback: "`false`" });

const ceilParameter = optional("ceil", "bool", "of a dense tensor: whether a last window that sticks out counts too, PyTorch's `ceil_mode`", { fallback: "`false`" });

/** The divisor of an average; undefined after reporting. Other modes have none, and `count` stands in. On a field and in a dense tensor every cell counts. */
function chooseDivisor(use: Use, mode: Mode, x: Operand<FeatType>): string | undefined {
  if (mode !== "avg") return "count";
  const chosen = use.text("divisor") ?? (use.net.grounds.has(x.id) || use.net.isGrid(x.type) ? "volume" : use.net.dialect?.divisor);
  if (chosen !== undefined) return chosen;
  const notes = ["spconv and MinkowskiEngine: the number of active inputs (`divisor=count`)", "SparseConvNet: the number of kernel cells (`divisor=volume`)"];
  return use.report(diagnose("SP0419", {}, [{ span: use.call.span, text: "divided by what?" }], { notes, help: { text: "write `divisor=count` or `divisor=volume`" } }));
}

const local = modes.map(({ mode, doc, word, long }): SurfaceOp => ({
  name: `${mode}_pool`,
  doc: `The ${doc} over the active inputs under the kernel; sites as for \`conv\`. Of a dense tensor as PyTorch's, but for the stride, which is 1 unless it is written.`,
  weights: false,
  foreign: [`Sparse${word}Pool1d`, `Sparse${word}Pool2d`, `Sparse${word}Pool3d`, `Sparse${word}Pool4d`, `Minkowski${word}Pooling`, `${long}Pooling`, `${word}Pool2d`, `${word}Pool3d`],
  parameters: [xParameter, kParameter, sParameter, pParameter, dParameter, sitesParameter, ontoParameter, shapeParameter, ceilParameter, ...(mode === "avg" ? [divisorParameter] : mode === "max" ? [clampParameter] : [])],
  foreignArguments: { ceil_mode: { kind: "spelled", spelling: "ceil" } },
  build(use) {
    const x = use.onGrid(use.cells("x", mode === "max" ? DTYPES : REAL));
    const isGrid = x !== undefined && use.net.isGrid(x.type);
    if (x !== undefined && !isGrid && use.has("ceil")) return use.report(diagnose("SP0484", {}, [{ span: use.spanOf("ceil"), text: "for dense tensors" }, { span: x.span, text: `this is on ${x.type.sites}` }], { help: { text: "leave `ceil` out" } }));
    const chosen = x && (isGrid ? chooseGridGeometry(use, x) : chooseGeometry(use, x));
    const divisor = chosen && chooseDivisor(use, mode, x);
    const shape = chosen && readShape(use, chosen.geometry.kernel, chosen.rule);
    if (x === undefined || chosen === undefined || divisor === undefined || shape === undefined) return undefined;
    if (isGrid && mode === "avg" && divisor === "volume" && sticksOut(use, x, chosen)) return averageInPadding(use, x, chosen, shape);
    const y = use.add("pool", [x.id], { mode, ...chosen.geometry, sites: chosen.rule, onto: chosen.onto ?? "", shape, divisor });
    if (chosen.rule !== "same" && !isGrid) use.net.recordStep(x.type.sites, y, { ...chosen.geometry, shape }, use.call.span);
    return use.bool("clamp0", false) ? use.add("relu", [y], {}) : y;
  },
}));

/** Back to the sites of a pool, by its pairs exchanged. */
const unpool: SurfaceOp = {
  name: "unpool",
  doc: "Inverse of a pool: returns to the sites from which the matching pool or `conv` came, by its pairs exchanged; each site gets the sum or the average of the rows that reach it.",
  weights: false,
  foreign: ["MinkowskiPoolingTranspose", "UnPooling"],
  parameters: [
    xParameter,
    optional("k", "ints", "kernel, to say which step is reversed", { fallback: "the kernel of the step that is reversed" }),
    optional("onto", "onto", "a value on the sites to return to", { fallback: "where the last step that led to these sites began" }),
    optional("mode", "word", "what is taken where several rows reach a site", {
      choices: ["avg", "sum"],
      fallback: "the dialect's; without one it must be written, unless no site is reached twice since `k` is at most `s`",
    }),
  ],
  foreignArguments: Object.fromEntries(
    ["s", "p", "d", "stride", "padding", "dilation"].map((name) => [name, { kind: "needless", why: "`unpool` takes it from the step that it reverses" }]),
  ),
  build(use) {
    const x = use.feat("x");
    const way = x && findWay(use, x);
    if (x === undefined || way === undefined) return undefined;
    const { geometry, onto } = way;
    const once = geometry.kernel.every((k, i) => k === 1 || (k <= geometry.stride[i]! && geometry.dilation[i] === 1));
    const mode = use.text("mode") ?? use.net.dialect?.unpool ?? (once ? "sum" : undefined);
    if (mode !== undefined) return use.add("unpool", [x.id], { mode, ...geometry, onto });
    const notes = ["MinkowskiEngine's pooling transpose: the average of the rows that reach a site (`mode=avg`)", "SparseConvNet's UnPooling: their sum (`mode=sum`)"];
    return use.report(diagnose("SP0446", {}, [{ span: use.call.span, text: "several rows may reach a site" }], { notes, help: { text: "write `mode=avg` or `mode=sum`" } }));
  },
};

const global = modes.map(({ mode, doc, word }): SurfaceOp => ({
  name: `global_${mode}_pool`,
  doc: `The ${doc} over all sites of a batch item, or all cells of a dense tensor: one vector per item.`,
  weights: false,
  foreign: [`SparseGlobal${word}Pool`, `MinkowskiGlobal${word}Pooling`, `Global${word}Pool`, `global_${mode}`],
  parameters: [xParameter],
  build(use) {
    const x = use.cells("x", DTYPES.filter((numbers) => pooledNumbers(mode, numbers) !== undefined));
    return x && use.add("global_pool", [x.id], { mode });
  },
}));

export const pools: readonly SurfaceOp[] = [...local, unpool, ...global];
