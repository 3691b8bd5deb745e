import { table } from "./command.ts";
import type { Execution } from "./execute.ts";

/** The adapter, the phases, and each profiled step with its sites, pairs and time. */
export function describeExecution({ adapter, software, report, steps, times }: Execution): string {
  const lines = [
    `adapter  ${adapter}${software === undefined ? "" : " (a software driver: no GPU is used)"}`,
    ...table(report.sites.map(({ id, rows }) => [`@${id}`, `${rows} sites`] as const)),
    ...table(report.rulebooks.map(({ name, from, to, pairs }) => [`${name} @${from} → @${to}`, `${pairs} pairs`] as const)),
    ...stepTable(steps),
    `create ${ms(times.create)}, prepare ${ms(times.prepare)}, first run ${ms(times.run)}; memory ${mib(report.memory.planned)}, least possible ${mib(report.memory.lowerBound)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function stepTable(steps: Execution["steps"]): readonly string[] {
  if (steps.length === 0) return [];
  const rows = steps.map((s) => [s.kernel, String(s.rows), String(s.pairs), ms(s.milliseconds), statement(s.source)]);
  const all = [["step", "sites", "pairs", "time", "source"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) => `  ${row.map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")}`.trimEnd());
}

/** Of the places a step comes from the first one, from the net's statement inwards: `second.spnet:11:34 > blocks.spnet:17:38`. */
export const statement = (source: string): string =>
  source.split(", ")[0]!.split(" via ").reverse().map((place) => place.replace(/( \d+:\d+)+$/, "").replace(/^.*\//, "")).join(" > ");

const ms = (milliseconds: number): string => `${milliseconds.toFixed(milliseconds < 10 ? 2 : 0)} ms`;

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
