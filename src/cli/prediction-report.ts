import type { PredictionReport } from "./prediction.ts";
import { statement } from "./step-report.ts";

/** Steps and totals as a table: one number where prediction and measurement agree, `predicted≠measured` where not, `most≥measured` where sites depend on data. */
export function describePrediction({ steps, predicted, measured }: PredictionReport): string {
  const both = (p: number, m: number, most = false): string => (p === m ? String(p) : `${p}${most && p > m ? "≥" : "≠"}${m}`);
  const anyMost = steps.some((s) => s.predicted.most === true);
  const rate = (macs: number, ms: number): string => (macs === 0 || ms === 0 ? "" : ((2 * macs) / ms / 1e6).toFixed(1));
  const waste = (multiplied: number, pairs: number): string => (pairs === 0 ? "" : (multiplied / pairs).toFixed(2));
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);
  const rows = steps.map(({ kernel, source, predicted: p, measured: m }) => [
    kernel, both(p.rows, m.rows, p.most), both(p.pairs, m.pairs, p.most), waste(p.multiplied, p.pairs), both(p.macs, m.macs, p.most), mib(p.bytes), m.milliseconds.toFixed(2), rate(m.macs, m.milliseconds), statement(source),
  ]);
  const total = ["total", "", both(predicted.pairs, measured.pairs, anyMost), waste(predicted.multiplied, predicted.pairs), both(predicted.macs, measured.macs, anyMost), mib(predicted.bytes), measured.milliseconds.toFixed(2), rate(measured.macs, measured.milliseconds), ""];
  const all = [["step", "sites", "pairs", "rows/pair", "products", "MiB", "ms", "GFLOP/s", "source"], ...rows, total];
  const last = all[0]!.length - 1;
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row) => row.map((cell, i) => (i === 0 || i === last ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ").trimEnd());
  return [
    ...lines,
    `steps ${both(predicted.steps, measured.steps)}, searches ${both(predicted.searches, measured.searches)}, memory ${mib(measured.planned)} MiB, ${(measured.planned / measured.lowerBound).toFixed(3)} × the least possible`,
    "",
  ].join("\n");
}
