import { describe, expect, it } from "vitest";
import { expectSame, wantedOf } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";
import { EXTENTS, operationText } from "./operations.ts";

/** Input channels, output channels, groups: depthwise of odd and wide rows, multipliers, groups of a few channels and of many. */
const SHAPES: readonly (readonly [c: number, d: number, groups: number])[] = [
  [3, 3, 3], [16, 16, 16], [133, 133, 133], [5, 15, 5], [3, 12, 3], [6, 4, 2], [12, 20, 4], [24, 16, 2], [27, 9, 3],
];

/** What convolutions in groups may stand in: every kind of epilogue, both directions, views, concatenations, siblings. */
const body = (c: number, d: number, g: number): string => `a |> relu
  let y = a |> subm(${d}, k=3, groups=${g}, bias=true, w="s") |> bn(w="sn") |> relu
  let e = y |> subm(${d}, k=[1, 3], groups=${d}, w="e") |> bn(w="en")
  output sum = (e + y) |> leaky_relu(0.1)
  output gate = (a |> subm(${d}, k=3, groups=${g}, w="g") |> sigmoid) * y
  let down = a |> conv(${d}, k=3, s=2, p=1, groups=${g}, bias=true, w="d")
  output coarse = down |> relu
  output back = down |> up(${c}, groups=${g}, w="u") |> bn(w="un")
  output seen = cat(down, down |> relu) |> subm(${2 * d}, k=3, d=2, groups=${2 * d}, w="t") |> to_dense
  output row = e |> linear(3, w="l")`;

/** Convolutions in groups against the interpreter. */
export function groupsSuite(open: OpenTarget, rows: readonly number[], shapes = SHAPES, chosen = [pipelines[0]!, pipelines[2]!]): void {
  const target = useTarget(open);

  describe.each(shapes)("%d channels to %d in %d groups", (c, d, groups) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      const net = netFromText(operationText(c, body(c, d, groups)));
      const fused = fuse(net.module, pipeline);
      expect(fused.ops.filter((op) => op.name === "fused.grouped")).toHaveLength(6);
      const network = await target().open(fused, { weights: net.weights });
      await target().working(async () => {
        for (const n of rows) {
          const scene = cloud(300 + n + c, n, 3, EXTENTS, c);
          expectSame(await network.run({ a: scene }, { batch: 3 }), wantedOf(net, { a: scene }, 3), `${n} rows`);
        }
      });
      network.dispose();
    });
  });
}
