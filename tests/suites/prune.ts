import { describe, expect, it } from "vitest";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { expectSame, wantedOf, type Outputs } from "../support/differential.ts";
import { pipelines } from "../support/plan-runs.ts";
import { COMPLETION, EXTENTS, pruneInputs, pruneNet } from "../support/prune-nets.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

/** A mask as an input, beside thresholds that float32 has not: what is equal to a threshold goes, what is next to it stays. */
const EDGES = `spnet 1
net Edges {
  dialect spconv
  sites S : (x: 64)
  input x : feat[S, 1]
  input m : feat[S, 1]
  output tenth = x |> prune(m, above=0.1)
  output third = x |> prune(m, above=-0.7)
  output zero = x |> prune(m)
}
`;

export function pruneSuite(open: OpenTarget): void {
  const target = useTarget(open);

  describe.each([1, 2, 3, 4])("%d dimensions", (dim) => {
    it.each(pipelines.flatMap(([name, pipeline]) => [true, false].map((bounded) => [name, bounded ? "bounded" : "unbounded", pipeline, bounded] as const)))("%s, %s", async (_name, _grid, pipeline, bounded) => {
      const net = pruneNet(dim, bounded);
      const network = await openNet(target(), net, pipeline);
      const most = Math.min(60, EXTENTS[dim - 1]!.reduce((a, b) => a * b, 1));
      const kept = new Set<number>();
      for (const rows of [most, 1, 0]) {
        const { coords } = pruneInputs(dim, rows, 0, 5, bounded ? 0 : -4)["x"]!;
        const scene = await network.prepare({ x: coords, m: coords }, { batch: 3 });
        // One scene, other features each time: what a run pruned is there again for the next.
        for (const shift of [0, 0.7, -5, 5, 0.2]) {
          const inputs = pruneInputs(dim, rows, shift, 5, bounded ? 0 : -4);
          const wanted = wantedOf(net, inputs, 3);
          kept.add((wanted.get("b") as FeatValue).sites.count);
          const outputs = await scene.run({ x: inputs["x"]!.features, m: inputs["m"]!.features });
          expectSame(outputs, wanted, `${rows} rows, mask + ${shift}`);
        }
        scene.dispose();
      }
      expect(kept.size, "none, some and all rows stayed").toBeGreaterThan(4);
      network.dispose();
    });
  });

  it.each([0, 2] as const)("a decoder that makes and drops sites at two levels, under pipeline %d, again and again with the same bits", async (index) => {
    const network = await openNet(target(), COMPLETION, pipelines[index]![1]);
    const counts = new Set<string>();
    for (const seed of [1, 2]) {
      const x = cloud(seed, 90, 2, [24, 24], 2, -12);
      const scene = await network.prepare({ x: x.coords }, { batch: 2 });
      let first: Outputs | undefined;
      for (const scale of [1, 3, -1, 0, 1]) {
        const inputs = { x: { coords: x.coords, features: x.features.map((v) => v * scale) } };
        const wanted = wantedOf(COMPLETION, inputs, 2);
        const outputs = await scene.run({ x: inputs.x.features });
        expectSame(outputs, wanted, `cloud ${seed} × ${scale}`);
        counts.add(["y", "most"].map((name) => (wanted.get(name) as FeatValue).data.length).join());
        const whole = await network.run(inputs, { batch: 2 });
        expect(whole, "in one call").toEqual(outputs);
        if (scale === 1 && first !== undefined) expect(outputs, "again").toEqual(first);
        if (scale === 1) first = outputs;
      }
      scene.dispose();
    }
    expect(counts.size).toBeGreaterThan(4);
    network.dispose();
  });

  it("decides as the interpreter does where a mask is a threshold or next to it", async () => {
    const net = netFromText(EDGES);
    const network = await openNet(target(), net);
    const near = [0.1, -0.7, 0].flatMap((v) => [-1, 0, 1].map((n) => neighbour(Math.fround(v), n)));
    const mask = Float32Array.from([...near, 3.4028234663852886e38, -3.4028234663852886e38, -0]);
    const coords = Int32Array.from([...mask].flatMap((_, i) => [0, mask.length - 1 - i]));
    const inputs = { x: { coords, features: mask.map((_, i) => i + 1) }, m: { coords, features: mask } };
    const wanted = wantedOf(net, inputs, 1);
    expect(await network.run(inputs)).toMatchObject(Object.fromEntries([...wanted].map(([name, v]) => [name, { features: Float32Array.from((v as FeatValue).data), coords: (v as FeatValue).sites.coords }])));
    network.dispose();
  });
}

/** The float32 `steps` beyond another. */
function neighbour(value: number, steps: number): number {
  const words = new Int32Array(Float32Array.of(value).buffer);
  // Bits of magnitudes count up; those of negative numbers away from zero.
  if (value === 0) return steps * 2 ** -126;
  words[0] = words[0]! + (value < 0 ? -steps : steps);
  return new Float32Array(words.buffer)[0]!;
}
