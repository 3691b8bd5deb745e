import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import { openCpu } from "../../src/runtime/cpu/open.ts";
import { expectRun, randomInputs, wantedOf } from "../support/differential.ts";
import type { AnyNetwork } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netModules } from "../support/random-module.ts";
import { netFromModule, netFromText, type SourceNet } from "../support/source-net.ts";

/** A network all of whose site sets with more cells than `bitmapCells` are hashed. */
async function hashed(net: SourceNet, bitmapCells: number, threads = 0): Promise<AnyNetwork> {
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(fuse(net.module, pipelines[2]![1])));
  return await openCpu({ ...plan, bitmapCells }, await assembleWat(wat), { weights: net.weights, threads });
}

describe("hashed site tables", () => {
  const cases = fc.sample(netModules, { seed: 4, numRuns: 400 })
    .filter((module) => module.ops.length >= 6 && module.sites.ids.every((id) => module.sites.extents(id)?.every((n) => n > 0) !== false))
    .slice(0, 60)
    .map((module, i) => {
      const net = netFromModule(module, i);
      const inputs = randomInputs(module, i, 20 + ((i * 53) % 300), 2);
      return { net, inputs, wanted: wantedOf(net, inputs, 2) };
    })
    .filter(({ wanted }) => [...wanted.values()].every((v) => v.kind !== "rulebook" && v.data.length < 200_000 && v.data.every((x) => Math.abs(x) < 1e6)));

  it("are tried on many networks", () => expect(cases.length).toBeGreaterThan(40));

  // 0: everything is hashed; 200: small grids have bitmaps and are joined to hashed ones.
  it.each(cases.flatMap((c, i) => [0, 200].map((cells) => [`network ${i}, bitmaps up to ${cells} cells`, c, cells] as const)))("%s", async (name, { net, inputs, wanted }, cells) => {
    const network = await hashed(net, cells);
    await expectRun(network, inputs, 2, wanted, name);
    network.dispose();
  });

  it("find sites that lie a billion cells apart, with several threads", async () => {
    const net = netFromText(`spnet 1
export net Far {
  dialect spconv
  sites S : (z, y, x)
  input v : feat[S, 3]
  let y = v |> subm(5, k=3, w="a") |> conv(4, k=3, s=2, p=1, w="b") |> subm(4, k=3, w="c")
  output out = y |> up(6, k=3, w="d")
}
`);
    const corners = [-(2 ** 30) + 2, -77, 0, 2 ** 29 + 1, 2 ** 30 - 4];
    const rows: number[][] = [];
    for (const z of corners) for (const y of corners) for (const x of corners) for (const dx of [0, 1, 2]) rows.push([rows.length % 2, z, y, x + dx]);
    const coords = Int32Array.from(rows.flat());
    const features = Float32Array.from({ length: rows.length * 3 }, (_, i) => Math.sin(i));
    const inputs = { v: { coords, features } };
    const network = await hashed(net, 2 ** 29, 2);
    await expectRun(network, inputs, 2, wantedOf(net, inputs, 2));
    network.dispose();
  });

  it("grow until every derived site finds a slot", async () => {
    const net = netFromText(`spnet 1
export net Spread {
  sites S : (z, y, x)
  input v : feat[S, 1]
  output out = v |> conv(1, k=5, s=1, p=2, d=100, sites="reach", w="a")
}
`);
    const coords = Int32Array.from(Array.from({ length: 40 }, (_, i) => [0, i * 7919, i * 104729, i * 1299709]).flat());
    const inputs = { v: { coords, features: new Float32Array(40).fill(1) } };
    const network = await hashed(net, 0);
    await expectRun(network, inputs, 1, wantedOf(net, inputs, 1));
    network.dispose();
  });
});
