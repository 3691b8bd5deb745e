import type { Op, Module } from "../../ir/module.ts";
import type { Remark } from "../../passes/pass.ts";
import { printStep, type Pipeline } from "../../passes/pipeline.ts";
import type { Choices } from "./choices.ts";
import { chosenTile, tileKey, tileText, untunedText, type TileTarget } from "./tiles.ts";

/**
 * One remark for each choice of a tuning: what it is, the entry that it came from, what would be without it.
 *
 * @param adapter  the entry's name
 * @param standard the pipeline without tuning
 * @param plan     the plan that the tuned pipeline makes, without the tiles
 */
export function tuningRemarks(adapter: string, { pipeline, tiles }: Choices, standard: Pipeline, target: TileTarget, plan: Module): readonly Remark[] {
  const remark = (kind: Remark["kind"], loc: Remark["loc"], text: string): Remark => ({ pass: "tuning", kind, loc, text });
  const from = `from the entry of ${adapter}`;
  const passes = passChanges(pipeline, standard).map(([tuned, untuned]) => remark("done", [], `${tuned} ${from}; untuned: ${untuned}`));
  const kinds = Object.entries(tiles).map(([key, wanted]) => {
    const steps = plan.ops.filter((op): op is Op => tileKey(op) === key);
    const [first] = steps;
    const tile = first === undefined ? undefined : chosenTile(first, tiles, target);
    if (first === undefined || tile === undefined) return remark("missed", [], `tile ${tileText(wanted)} of ${key} ${from}: ${first === undefined ? "no step is of this kind" : "no kernel of this kind can have it"}`);
    const many = steps.length === 1 ? "" : ` (${steps.length} steps)`;
    return remark("done", first.loc, `tile ${tileText(tile)} of ${key}${many} ${from}; untuned: ${untunedText(first, target)}`);
  });
  return [...passes, ...kinds];
}

/** What differs between two pipelines, pass by pass: the tuned side and the other. */
function passChanges(tuned: Pipeline, standard: Pipeline): readonly (readonly [string, string])[] {
  const names = new Set([...standard, ...tuned].map((step) => step.pass.name));
  const text = (pipeline: Pipeline, name: string): string => pipeline.filter((step) => step.pass.name === name).map(printStep).join(",") || `no ${name}`;
  return [...names].map((name) => [text(tuned, name), text(standard, name)] as const).filter(([a, b]) => a !== b);
}
