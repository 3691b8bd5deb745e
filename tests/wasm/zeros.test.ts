import { describe, expect, it } from "vitest";
import { parsePipeline } from "../../src/passes/pipeline.ts";
import { presets } from "../../src/passes/presets.ts";
import { cpuNetworkOf } from "../support/cpu-networks.ts";
import { expectSame, wantedOf, type Outputs } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { cloud, netFromText, numbers, type SourceNet } from "../support/source-net.ts";

const EXTENTS = [20, 24];
const ROWS = [0, 1, 63, 64, 65, 129];
/** How many numbers of a row are positive. */
const POSITIVE = [0, 0.1, 0.5, 0.8, 0.9, 1];

const pipelineOf = (text: string) => parsePipeline(text).pipeline!;
const EVERY = pipelineOf(presets.O2.replace("skip-zeros", "skip-zeros{channels=1}"));
const NONE = pipelineOf(presets.O2.replace("skip-zeros,", ""));

const text = (c: number, d: number): string => `spnet 1
export net T {
  dialect spconv
  sites S : (y: ${EXTENTS[0]}, x: ${EXTENTS[1]})
  input a : feat[S, ${c}]
  let r = relu(a)
  output same = r |> subm(${d}, k=3, w="s", bias=true)
  output down = r |> conv(${d}, k=3, s=2, p=1, w="d") |> relu |> up(${c}, w="u")
  output both = cat(r, a) |> subm(${d}, k=[1, 3], w="b")
}
`;

const networks = async (net: SourceNet) => await Promise.all([NONE, EVERY].map((p) => cpuNetworkOf(fuse(net.module, p), { weights: net.weights })));

const bytes = (outputs: Outputs): readonly (readonly number[])[] =>
  Object.values(outputs).map((o) => [...new Uint32Array(("features" in o ? o.features : o.data).slice().buffer)]);

describe("products with zeros left out", () => {
  // Around the masks of 16 and 64 channels, and one, two and four column tiles with what is left over.
  it.each([[16, 32], [32, 16], [48, 33], [64, 64], [80, 96], [128, 130], [144, 260], [17, 20]])("%d channels to %d, against the interpreter, to the bit against all products", async (c, d) => {
    const net = netFromText(text(c, d));
    const [all, some] = await networks(net);
    for (const [i, rows] of ROWS.entries()) {
      const scene = cloud(100 + rows, rows, 3, EXTENTS, c);
      const random = numbers(7 + i);
      const shift = 2 * POSITIVE[i % POSITIVE.length]! - 1;
      scene.features.forEach((_, k) => (scene.features[k] = random() * 2 - 1 + shift));
      const outputs = await some!.run({ a: scene }, { batch: 3 });
      expectSame(outputs, wantedOf(net, { a: scene }, 3), `${rows} rows`);
      expect(bytes(outputs), `${rows} rows`).toEqual(bytes(await all!.run({ a: scene }, { batch: 3 })));
    }
    const skipping = (n: typeof all): number => n!.plan.checks.filter((check) => check.name.startsWith("nonzero")).length;
    expect(skipping(all)).toBe(0);
    expect(skipping(some) > 0).toBe(c % 16 === 0);
    all!.dispose();
    some!.dispose();
  });

  it("are left out where few channels are not zero, and only there: weights that are no numbers tell", async () => {
    const [channels, columns, taps, tile] = [64, 64, 9, 16];
    const net = netFromText(`spnet 1\nexport net T {\n  sites S : (y: ${EXTENTS[0]}, x: ${EXTENTS[1]})\n  input a : feat[S, ${channels}]\n  output y = a |> relu |> subm(${columns}, k=3, w="s")\n}\n`);
    const [all, some] = await networks(net);
    const scene = cloud(5, 200, 1, EXTENTS, channels);
    const spoilt = async (network: typeof all, positive: number): Promise<boolean> => {
      const w = network!.engine.heap.f32(network!.params[0]!, taps * channels * columns);
      for (let row = 0; row < w.length / tile; row += channels) w.fill(Number.NaN, row * tile, (row + 1) * tile);
      const random = numbers(9);
      // The channel that meets them is zero everywhere.
      scene.features.forEach((_, k) => (scene.features[k] = k % channels === 0 ? -1 : random() - 1 + positive));
      const { y } = (await network!.run({ a: scene })) as Readonly<Record<"y", { readonly features: Float32Array }>>;
      return y.features.some(Number.isNaN);
    };
    expect([await spoilt(all, 0.3), await spoilt(some, 0.3), await spoilt(some, 0.95)]).toEqual([true, false, true]);
    all!.dispose();
    some!.dispose();
  });
});
