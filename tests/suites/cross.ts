import { describe, expect, it } from "vitest";
import { expectRun, wantedOf } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

const TEXT = `spnet 1
net Crosses {
  dialect minkowski
  sites S : (z, y, x)
  input f : feat[S, 5]
  let a = f |> subm(8, k=3, shape=cross, bias=true, w="a") |> bn(w="an") |> relu
  let b = a |> subm(8, k=3, w="b") |> relu
  let c = b |> conv(6, k=[5, 3, 3], s=2, shape=cross, w="c") |> bn(w="cn")
  let p = c |> avg_pool(k=3, s=2, shape=cross, divisor=volume)
  output fine = b + a
  output back = c |> up(4, w="u") |> relu
  output most = a |> max_pool(k=5, d=2, shape=cross)
  output again = p |> unpool |> subm(3, k=3, shape=cross, w="v")
}
`;

/** Kernels that are crosses against the interpreter; the box and the cross on one set share a search. */
export function crossSuite(open: OpenTarget, chosen: typeof pipelines): void {
  const target = useTarget(open);

  describe("kernels that are crosses", () => {
    it.each(chosen)("%s", async (level, pipeline) => {
      const net = netFromText(TEXT);
      const fused = fuse(net.module, pipeline);
      if (level !== "O0") expect(fused.ops.filter((op) => op.name === "rulebook.search")).toHaveLength(5);
      const network = await target().open(fused, { weights: net.weights });
      for (const rows of [0, 1, 90]) {
        const f = cloud(11 + rows, rows, 2, [6, 6, 7], 5, -3);
        await target().working(() => expectRun(network, { f }, 2, wantedOf(net, { f }, 2), `${rows} rows`));
      }
      network.dispose();
    }, 240_000);
  });
}
