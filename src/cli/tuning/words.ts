import type { Choices } from "../../codegen/tuning/choices.ts";
import type { Verdict } from "../../codegen/tuning/decide.ts";
import { printPipeline } from "../../passes/pipeline.ts";
import { tileText } from "../../codegen/tuning/tiles.ts";

const percent = (ratio: number): string => `${ratio >= 1 ? "+" : "−"}${Math.abs(100 * (ratio - 1)).toFixed(1)} %`;

export const runsText = (repetitions: number): string => (repetitions === 1 ? "1 run" : `${repetitions} runs`);

/** A verdict on samples of so many runs. */
export function verdictText({ ratio, low, high, rounds, verdict }: Verdict, repetitions: number): string {
  const interval = low > 0 && high < Infinity ? ` (${percent(low)} to ${percent(high)})` : "";
  return `${Number.isNaN(ratio) ? "no time was left" : `${percent(ratio)} in time${interval}`} over ${rounds} rounds of ${runsText(repetitions)}, ${verdict}`;
}

/** What a person reads of choices. */
export const describeChoices = ({ pipeline, tiles }: Choices): readonly string[] => [
  `pipeline ${printPipeline(pipeline)}`,
  ...Object.entries(tiles).map(([key, tile]) =>
    "threads" in tile
      ? `${key}: ${tile.threads} invocations along the columns, ${tile.perThread} rows each${tile.dataflow === undefined ? "" : `, ${tile.dataflow}`}`
      : `${key}: ${tileText(tile)} in registers`),
];
