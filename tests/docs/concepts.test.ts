import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { moduleStats } from "../../src/ir/stats.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

/** The networks of docs/CONCEPTS.md, by the name in their `run:` comment. */
const text = readFileSync(new URL("../../docs/CONCEPTS.md", import.meta.url), "utf8");
const nets = new Map([...text.matchAll(/<!-- run: (\w+)\.spnet -->\n```spnet\n([^]*?)```/g)].map((m) => [m[1]!, m[2]!]));

function run(name: string, sites: readonly (readonly number[])[], change?: (features: Float32Array) => void): Map<string, FeatValue> {
  const net = netFromText(nets.get(name)!);
  const features = new Float32Array(sites.length).fill(1);
  change?.(features);
  const [input] = net.module.ops.filter((op) => op.name === "input").map((op) => String(op.attrs["name"]));
  const coords = Int32Array.from(sites.flatMap((s) => [0, ...s]));
  return interpret(net.module, { inputs: { [input!]: { coords, features } }, params: net.params, batch: 1 }) as Map<string, FeatValue>;
}

describe("the networks of CONCEPTS.md", () => {
  it("are all here", () => {
    expect([...nets.keys()]).toEqual(["grow", "stay", "merge"]);
  });

  it("one site grows to 9, then to 25, under reach", () => {
    const out = run("grow", [[7, -3]]);
    expect([out.get("once")!.sites.count, out.get("twice")!.sites.count]).toEqual([9, 25]);
  });

  it("one site stays one under subm, with one search for both layers", () => {
    expect(run("stay", [[7, -3]]).get("y")!.sites.count).toBe(1);
    expect(moduleStats(fuse(netFromText(nets.get("stay")!).module, pipelines[1]![1])).rulebooksBuilt).toBe(1);
  });

  it("sites at 0 and 3 meet on the coarse level: changing one changes the other's result", () => {
    const base = run("merge", [[0], [3]]).get("y")!;
    const other = run("merge", [[0], [3]], (f) => (f[0] = 2)).get("y")!;
    expect(base.sites.count).toBe(2);
    expect(other.data[1]).not.toBe(base.data[1]);
  });

  it("up makes no search of its own", () => {
    expect(moduleStats(fuse(netFromText(nets.get("merge")!).module, pipelines[1]![1])).rulebooksBuilt).toBe(2);
  });
});
