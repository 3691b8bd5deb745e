import { describe, expect, it } from "vitest";
import { expectSame, wantedOf } from "../support/differential.ts";
import { dataOf } from "../support/network-runs.ts";
import { cloud, netFromText, numbers } from "../support/source-net.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const EXTENTS = [70, 80];
const BATCH = 4;
const CHANNELS = 6;

/** On the caller's rows and on derived ones, whole and per item, each channel alone and in groups. */
const TEXT = `spnet 1
export net Norms {
  dialect spconv
  sites S : (y: ${EXTENTS[0]}, x: ${EXTENTS[1]})
  input a : feat[S, ${CHANNELS}]
  let c = a |> max_pool(k=2, s=2)
  output whole = a |> bn(stats=batch, affine=false)
  output items = a |> instance_norm(affine=false)
  output pairs = a |> group_norm(3, affine=false)
  output all = a |> group_norm(1, affine=false)
  output coarse_whole = c |> bn(stats=batch, affine=false)
  output coarse_items = c |> instance_norm(affine=false)
  output rows = a |> layer_norm(affine=false)
  output coarse_rows = c |> layer_norm(affine=false)
  output coarse_halves = c |> group_norm(2, affine=false)
}
`;

type Scene = ReturnType<typeof cloud>;

/** Item 0 has most rows, enough for all of a reduction's parts; item 2 has one and item 3 none. */
function scene(offset: number, spread: number): Scene {
  const { coords } = cloud(5, 2600, 1, EXTENTS, 0);
  const random = numbers(9);
  const items = coords.map((v, i) => (i % 3 !== 0 ? v : i === 0 ? 2 : i < 3 * 130 ? 1 : 0));
  return { coords: items, features: Float32Array.from({ length: 2600 * CHANNELS }, () => offset + spread * (random() * 2 - 1)) };
}

/** The same rows in another order, and the places that they came from. */
function shuffled(given: Scene): { readonly scene: Scene; readonly from: readonly number[] } {
  const random = numbers(3);
  const from = Array.from({ length: given.coords.length / 3 }, (_, i) => [random(), i] as const).sort((a, b) => a[0] - b[0]).map(([, i]) => i);
  return { scene: { coords: Int32Array.from(from.flatMap((r) => [...given.coords.subarray(3 * r, 3 * r + 3)])), features: Float32Array.from(from.flatMap((r) => [...given.features.subarray(CHANNELS * r, CHANNELS * (r + 1))])) }, from };
}

/** Norms by the rows themselves: many parts, large offsets, equal rows, and the same bits always. */
export function normsSuite(open: OpenTarget): void {
  const target = useTarget(open);
  const net = netFromText(TEXT);

  describe("norms by the rows themselves", () => {
    it.each([[0, 1], [-3000, 1], [1e5, 10], [1e-3, 1e-4]])("of numbers around %d, %d apart", async (offset, spread) => {
      const network = await openNet(target(), net);
      const inputs = { a: scene(offset, spread) };
      expectSame(await network.run(inputs, { batch: BATCH }), wantedOf(net, inputs, BATCH), "", 1e-5);
      network.dispose();
    });

    it("of equal rows are zero", async () => {
      const network = await openNet(target(), net);
      const given = scene(0, 1);
      const outputs = await network.run({ a: { ...given, features: given.features.map((_, i) => 0.7 + 1000 * (i % CHANNELS)) } }, { batch: BATCH });
      for (const name of ["whole", "items", "coarse_whole", "coarse_items"]) expect(Math.max(...dataOf(outputs[name]!).map(Math.abs)), name).toBeLessThan(1e-4);
      network.dispose();
    });

    it("give the same bits again, and whatever the order of the rows", async () => {
      const network = await openNet(target(), net);
      const given = scene(20, 3);
      const outputs = await network.run({ a: given }, { batch: BATCH });
      const again = await network.run({ a: given }, { batch: BATCH });
      const other = shuffled(given);
      const moved = await network.run({ a: other.scene }, { batch: BATCH });
      for (const [name, output] of Object.entries(outputs)) {
        const [data, later] = [dataOf(output), dataOf(moved[name]!)];
        expect(dataOf(again[name]!), name).toEqual(data);
        const wanted = name.startsWith("coarse") ? data : Float32Array.from(other.from.flatMap((r) => [...data.subarray(CHANNELS * r, CHANNELS * (r + 1))]));
        expect(later, name).toEqual(wanted);
      }
      network.dispose();
    });
  });
}
