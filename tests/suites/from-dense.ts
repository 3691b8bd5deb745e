import { describe, expect, it } from "vitest";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { expectSame, wantedOf } from "../support/differential.ts";
import { gridInputs, gridNet } from "../support/grid-nets.ts";
import { pipelines } from "../support/plan-runs.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

export function fromDenseSuite(open: OpenTarget, chosen = pipelines, sizes: readonly (readonly [dim: number, channels: number])[] = [[1, 1], [2, 3], [2, 4], [3, 6], [4, 9]]): void {
  const target = useTarget(open);

  describe.each(sizes)("%d dimensions, %d channels", (dim, channels) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      const net = gridNet(dim, channels);
      const network = await openNet(target(), net, pipeline);
      const counts = new Set<number>();
      for (const rows of [30, 1, 0]) {
        const { coords } = gridInputs(dim, channels, rows, 0)["x"]!;
        const scene = await network.prepare({ x: coords }, { batch: 3 });
        // One scene, other features each time.
        for (const shift of [0, -0.7, 2, -2]) {
          const inputs = gridInputs(dim, channels, rows, shift);
          const wanted = wantedOf(net, inputs, 3);
          counts.add((wanted.get("new") as FeatValue).sites.count);
          const outputs = await scene.run({ x: inputs["x"]!.features });
          expectSame(outputs, wanted, `${rows} rows, ${shift} added`);
          expect(await network.run(inputs, { batch: 3 }), "in one call").toEqual(outputs);
        }
        scene.dispose();
      }
      expect(counts.size, "none, some and all").toBeGreaterThan(3);
      network.dispose();
    });
  });
}
