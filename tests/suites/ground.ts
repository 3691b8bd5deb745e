import { describe, expect, it } from "vitest";
import { expectSame, randomInputs, wantedOf } from "../support/differential.ts";
import { EXTENT, randomGroundNet } from "../support/ground-nets.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

const BATCH = 3;

/** What random networks leave out: sites that are given, kept or gone back to, and forms of kernels. */
const FORMS: Readonly<Record<string, string>> = {
  "submanifold, with a shortcut": "let x = a |> subm(4, k=3, bias=true, w=\"p\") |> bn(w=\"n\") |> relu\n  output y = (x |> subm(4, k=3, w=\"q\") |> sigmoid |> subm(4, k=[1, 3], bias=true, w=\"r\")) + x",
  "a cross, dilated, in groups": "output y = a |> subm(4, k=3, shape=cross, bias=true, w=\"p\") |> tanh |> subm(8, k=3, d=2, groups=2, w=\"q\")",
  "onto given sites": "let x = a |> conv(3, k=3, s=2, p=1, sites=floor, bias=true, w=\"p\") |> sigmoid\n  output y = x |> conv(2, k=3, s=1, p=1, onto=a |> conv(1, k=2, s=2, w=\"q\"), w=\"r\")\n  output z = a |> max_pool(k=3, s=1, p=1, onto=a |> conv(1, k=3, s=1, p=1, sites=reach, w=\"s\"))",
  "back from a pool": "let x = a |> max_pool(k=2, s=2) |> linear(3, bias=true, w=\"p\") |> sigmoid\n  output y = cat(x |> unpool, a) |> subm(2, k=3, w=\"q\")\n  output z = union(x |> unpool(mode=avg), a |> conv(3, k=3, p=1, sites=reach, w=\"r\"))",
  "back without a stride": "output y = a |> conv(3, k=3, s=1, p=1, sites=reach, bias=true, w=\"p\") |> relu |> up(2, bias=true, w=\"q\") |> sigmoid |> subm(1, k=3, w=\"r\")",
  "a gate, and a product on a union": "let x = a |> linear(3, bias=true, w=\"p\") |> sigmoid\n  let g = a |> subm(3, k=3, w=\"q\") |> relu\n  output y = x * g |> subm(2, k=2, p=1, w=\"r\")\n  output z = union(x, g |> conv(3, k=[1, 3], p=[0, 1], sites=reach, w=\"s\"), by=product) |> subm(2, k=3, w=\"t\")",
  "siblings and pointwise layers": "let x = a |> relu\n  output y = x |> linear(5, bias=true, w=\"p\") |> subm(3, k=3, w=\"q\") |> linear(2, w=\"r\")\n  output z = (x |> subm(4, k=3, w=\"s\")) + (x |> subm(4, k=3, bias=true, w=\"t\"))",
  "two inputs": "input b : feat[S, 3]\n  output y = cat(a, b) |> subm(3, k=3, w=\"p\") |> relu |> max_pool(k=3, s=2, p=1, sites=reach)",
  "the input itself": "output y = a",
};

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

  describe.each(Object.entries(FORMS))("%s", (_, body) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      // Both inputs have a ground of their own number of channels.
      const net = netFromText(`spnet 1\nexport net T {\n  sites S : (y, x) ground=${/input b/.test(body) ? "0.75" : "[0.5, -1, 2, 0.25]"}\n  input a : feat[S, 4]\n  ${body}\n}\n`);
      const network = await target().open(fuse(net.module, pipeline), { weights: net.weights });
      await target().working(async () => {
        for (const n of rows) {
          const inputs = randomInputs(net.module, 7 + n, n, BATCH);
          expectSame(await network.run(inputs, { batch: BATCH }), wantedOf(net, inputs, BATCH), `${n} rows`, 2e-5);
        }
      });
      network.dispose();
    });
  });

  it.each(["", "(fold=\"z\")"])("dense layers go on from a field that to_dense%s fills", async (form) => {
    const layer = form === "" ? "conv3d" : "conv2d";
    const net = netFromText(`spnet 1\nexport net T {\n  sites S : (z: 5, y: 9, x: 7) ground=[0.5, -1, 2]\n  input a : feat[S, 3]\n  let d = a |> conv(5, k=3, p=0, sites=reach, bias=true, w="p") |> sigmoid |> to_dense${form}\n  output y = d |> ${layer}(4, k=3, p=1, bias=true, w="q") |> relu\n  output z = d |> max_pool(k=2, s=2) |> global_avg_pool |> softmax\n  output both = cat(d, d |> ${layer}(2, k=1, w="r"))\n}\n`);
    const network = await target().open(fuse(net.module, chosen.at(-1)![1]), { weights: net.weights });
    for (const n of rows) {
      const inputs = randomInputs(net.module, 11 + n, n, BATCH);
      expectSame(await network.run(inputs, { batch: BATCH }), wantedOf(net, inputs, BATCH), `${n} rows`, 2e-5);
    }
    network.dispose();
  });

  it.each(["", "(layout=channels_last)", "(fold=\"y\")"])("fills a dense tensor of several units: to_dense%s", async (form) => {
    const net = netFromText(`spnet 1\nexport net T {\n  sites S : (y: 131, x: 61) ground=[0.5, -1, 2, 0.25, 3]\n  input a : feat[S, 5]\n  output y = a |> to_dense${form}\n}\n`);
    const network = await target().open(fuse(net.module, chosen[0]![1]), { weights: net.weights });
    const inputs = { a: cloud(5, 40, 2, [131, 61], 5) };
    await target().working(async () => expectSame(await network.run(inputs, { batch: 2 }), wantedOf(net, inputs, 2)));
    network.dispose();
  });

  it("has met grounds that are not zero", () => {
    expect(cases.some(([seed, dim, bounded]) => /bias=true/.test(randomGroundNet(1000 + seed, dim, bounded).text))).toBe(true);
  });
}
