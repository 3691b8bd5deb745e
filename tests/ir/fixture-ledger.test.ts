import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { eventExamples, type EventCase } from "../support/event-nets.ts";
import { layerModule, networkModule, type LayerCase, type NetworkCase } from "../support/fixture-modules.ts";
import { forward, laterGolden, type GoldenCase } from "../support/golden-modules.ts";
import { fixtureFolder } from "../support/safetensors.ts";

/** What becomes of every entry of every `cases.json` among the shared fixtures: it runs, or a later issue is named. */
type Verdict = "runs" | { readonly later: string };

const folders: Readonly<Record<string, (entry: never) => Verdict | undefined>> = {
  layers: (c: LayerCase) => (layerModule(c).outputs.length > 0 ? "runs" : undefined),
  networks: (c: NetworkCase) => (networkModule(c).outputs.length > 0 ? "runs" : undefined),
  // Voxels are made before a network: tests/points.
  "spconv-golden": (c: GoldenCase) => (forward[c.file] !== undefined || c.file.startsWith("voxelize") ? "runs" : named(laterGolden[c.file])),
  "event-nets": (c: EventCase) => (eventExamples[c.file] !== undefined ? "runs" : { later: "integer networks: quantised weights and activations" }),
};

const named = (reason: string | undefined): Verdict | undefined => (reason === undefined ? undefined : { later: reason });

const root = fixtureFolder("");

describe.skipIf(root === undefined)(`every fixture${root === undefined ? " (skipped: the shared folder fixtures is not here)" : ""}`, () => {
  it("is in a folder that is known here", () => {
    expect(readdirSync(root!).sort()).toEqual(Object.keys(folders).sort());
  });

  it.each(Object.entries(folders))("%s: each entry runs or is named for later", (folder, judge) => {
    const parsed = JSON.parse(readFileSync(`${root}${folder}/cases.json`, "utf8")) as readonly never[] | { readonly cases: readonly never[] };
    const entries = "cases" in parsed ? parsed.cases : parsed;
    const reasons = new Map<string, number>();
    let runs = 0;
    for (const entry of entries) {
      const verdict = judge(entry);
      if (verdict === undefined) throw new Error(`neither run nor named for later: ${(entry as { readonly file: string }).file}`);
      if (verdict === "runs") runs++;
      else reasons.set(verdict.later, (reasons.get(verdict.later) ?? 0) + 1);
    }
    const left = [...reasons].map(([reason, count]) => `\n  ${count} for a later issue: ${reason}`);
    console.log(`fixtures/${folder}: ${runs} of ${entries.length} entries run${left.join("")}`);
    expect(entries.length).toBeGreaterThan(0);
  });
});
