import { describe, expect, it } from "vitest";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import type { DenseGiven } from "../../src/runtime/index.ts";
import { expectSame, wantedOf, type Inputs } from "../support/differential.ts";
import { pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText, numbers, type SourceNet } from "../support/source-net.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const EXTENTS = [[37], [9, 7], [5, 6, 4], [3, 4, 3, 5]] as const;
const AXES = ["t", "z", "y", "x"];

/** Layers of an image, and of what it holds: dense alone, sparse alone, both, with and without an input on sites. */
function imageNet(dim: number, channels: number, sites: boolean): SourceNet {
  const extents = EXTENTS[dim - 1]!;
  return netFromText(`spnet 1
net N {
  dialect spconv
  input img : dense[${channels}, ${extents.join(", ")}]
  input gate : dense[2, ${extents.join(", ")}]
${sites ? `  sites S : (${extents.map((n, a) => `${AXES.slice(-dim)[a]}: ${n}`).join(", ")})\n  input x : feat[S, 2]\n` : ""}
  let ink = img |> from_dense
  let y = ink |> subm(5, k=3, bias=true) |> relu
  output same = img
  output pooled = cat(img |> linear(2, bias=true), gate) |> max_pool(k=2, s=2)
  output y = y
  output low = y |> conv(3, k=3, s=2, p=1)
  output item = y |> global_avg_pool
${sites ? "  output both = union(ink |> linear(2), x)\n  output at = gate |> from_dense(onto=x)\n  output sum = gate + (x |> to_dense)\n" : ""}}
`);
}

const cellsOf = (dim: number): number => EXTENTS[dim - 1]!.reduce((a, b) => a * b, 1);

/** Images of which some cells are 0 throughout. */
function images(dim: number, channels: number, batch: number, seed: number, fill: number): Inputs {
  const random = numbers(seed);
  const cells = cellsOf(dim);
  const held = Array.from({ length: batch * cells }, () => random() < fill);
  const tensor = (of: number, keep: boolean): Inputs[string] => ({
    coords: new Int32Array(0),
    features: Float32Array.from({ length: batch * of * cells }, (_, i) => (keep || held[Math.floor(i / (of * cells)) * cells + (i % cells)] ? random() * 2 - 1 : 0)),
  });
  return { img: tensor(channels, false), gate: tensor(2, true) };
}

/** [N, C, cells] with the channels last. */
const channelsLast = (data: Float32Array, channels: number, cells: number): Float32Array =>
  data.map((_, i) => data[Math.floor(i / (channels * cells)) * channels * cells + (i % channels) * cells + (Math.floor(i / channels) % cells)]!);

export function denseInputsSuite(open: OpenTarget, chosen = pipelines, sizes: readonly (readonly [dim: number, channels: number])[] = [[1, 1], [2, 3], [2, 4], [3, 5], [4, 2]]): void {
  const target = useTarget(open);

  describe.each(sizes)("%d dimensions, %d channels", (dim, channels) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      const counts = new Set<number>();
      for (const sites of [false, true]) {
        const net = imageNet(dim, channels, sites);
        const network = await openNet(target(), net, pipeline);
        for (const batch of [1, 3]) {
          const x = cloud(dim, 20, batch, EXTENTS[dim - 1]!, 2);
          const scene = await network.prepare(sites ? { x: x.coords } : {}, { batch });
          for (const fill of [0.3, 0, 1]) {
            const inputs: Inputs = { ...images(dim, channels, batch, 10 * batch + dim, fill), ...(sites ? { x } : {}) };
            const wanted = wantedOf(net, inputs, batch);
            counts.add((wanted.get("y") as FeatValue).sites.count);
            const features = Object.fromEntries(Object.entries(inputs).map(([name, v]) => [name, v.features]));
            const outputs = await scene.run(features);
            expectSame(outputs, wanted, `${batch} items, filled to ${fill}`);
            const [img, gate] = [inputs["img"]!.features, inputs["gate"]!.features];
            const last: DenseGiven = { shape: [batch, ...EXTENTS[dim - 1]!, channels], data: channelsLast(img, channels, cellsOf(dim)), layout: "channels_last" };
            const given = { img: last, gate: { shape: [batch, 2, ...EXTENTS[dim - 1]!], data: [...gate] }, ...(sites ? { x } : {}) };
            expect(await network.run(given), "in one call, by another layout").toEqual(outputs);
            if (fill === 1) expect((await scene.profile(features)).outputs, "profiled").toEqual(outputs);
          }
          scene.dispose();
        }
        network.dispose();
      }
      expect(counts.size, "none, some and all").toBeGreaterThan(3);
    });
  });

  it("refuses what is no tensor of the declared shape, other numbers of items, and numbers that are not finite", async () => {
    const net = imageNet(2, 3, true);
    const network = await openNet(target(), net);
    const { img, gate } = images(2, 3, 2, 5, 0.5);
    const x = cloud(5, 20, 2, EXTENTS[1], 2);
    const all = { img: img!.features as DenseGiven, gate: gate!.features as DenseGiven, x };
    await network.run(all);
    const late = { ...x, coords: x.coords.map((v, i) => (i % 3 === 0 ? v + 1 : v)) };
    const broken = img!.features.slice();
    broken[100] = NaN;
    const cases: readonly (readonly [what: string, code: string, given: Record<string, DenseGiven | typeof x>, message: RegExp, batch?: number])[] = [
      ["a number too many", "SP0872", { ...all, img: new Float32Array(379) }, /379 numbers do not make/],
      ["no number", "SP0872", { ...all, img: [] }, /\[N, 3, 9, 7\]/],
      ["another shape", "SP0872", { ...all, img: { shape: [2, 9, 7, 3], data: img!.features } }, /not \[2, 9, 7, 3\]/],
      ["a shape of other numbers", "SP0872", { ...all, img: { shape: [1, 3, 9, 7], data: img!.features } }, /comes with 378 numbers/],
      ["two numbers of items", "SP0872", { ...all, gate: gate!.features.subarray(126) }, /`gate` has 1 batch items, the run has 2/],
      ["another batch", "SP0872", all, /`img` has 2 batch items, the run has 3/, 3],
      ["sites of a third item", "SP0812", { ...all, x: late }, /batch index/],
      ["NaN", "SP0815", { ...all, img: broken }, /`img`\[0, 1, 5, 2\]: NaN/],
      ["a name too few", "SP0816", { img: all.img, x }, /`gate` is missing/],
    ];
    for (const [what, code, given, message, batch] of cases) {
      await expect(network.run(given, batch === undefined ? {} : { batch }), what).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    }
    const coords = { x: x.coords, img: x.coords };
    await expect(network.prepare(coords)).rejects.toMatchObject({ code: "SP0816", message: expect.stringMatching(/`img` is a dense tensor/) });
    const scene = await network.prepare({ x: x.coords }, { batch: 2 });
    await expect(scene.run({ img: new Float32Array(189), gate: gate!.features, x: x.features })).rejects.toMatchObject({ code: "SP0872" });
    await scene.run({ img: img!.features, gate: gate!.features, x: x.features });
    scene.dispose();
    network.dispose();
  });
}
