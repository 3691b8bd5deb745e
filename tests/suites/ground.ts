import { describe, expect, it } from "vitest";
import { expectSame, wantedOf } from "../support/differential.ts";
import { EXTENT, randomGroundNet } from "../support/ground-nets.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

const BATCH = 3;

/** Random networks with a ground against the interpreter, which has every missing neighbour hold it. */
export function groundSuite(open: OpenTarget, seeds: number, rows: readonly number[], chosen = [pipelines[0]!, pipelines[2]!]): void {
  const target = useTarget(open);
  const cases = Array.from({ length: seeds }, (_, i) => [i, 1 + (i % 3), i % 2 === 1] as const);

  describe.each(cases)("network %d with a ground, axes: %d, bounded: %s", (seed, dim, bounded) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      const made = randomGroundNet(1000 + seed, dim, bounded);
      const net = netFromText(made.text, seed);
      const network = await target().open(fuse(net.module, pipeline), { weights: net.weights });
      await target().working(async () => {
        for (const n of rows) {
          const side = Math.min(EXTENT[dim]!, Math.max(3, Math.ceil((n + 1) ** (1 / dim))));
          const origin = bounded ? Math.floor((EXTENT[dim]! - side) / 2) : -Math.floor(side / 2);
          const inputs = { a: cloud(seed + n, Math.min(n, side ** dim * BATCH), BATCH, Array.from({ length: dim }, () => side), made.channels, origin) };
          expectSame(await network.run(inputs, { batch: BATCH }), wantedOf(net, inputs, BATCH), `${n} rows\n${made.text}`, 2e-5);
        }
      });
      network.dispose();
    });
  });

  it("has met grounds that are not zero", () => {
    expect(cases.some(([seed, dim, bounded]) => /bias=true/.test(randomGroundNet(1000 + seed, dim, bounded).text))).toBe(true);
  });
}
