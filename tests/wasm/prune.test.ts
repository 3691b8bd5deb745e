import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { executePlan } from "../../src/codegen/plan/execute.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { cpuTarget } from "../support/cpu-target.ts";
import { expectSame, wantedOf, type Inputs } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";
import type { TestTarget } from "../support/target.ts";
import { relativeError } from "../support/compare.ts";

const AXES = ["w", "z", "y", "x"];
const EXTENTS = [[40], [13, 11], [7, 9, 8], [5, 6, 5, 7]] as const;

/** What can come after a pruning: layers on its sites, steps down and up, joins with what was there, poolings. */
const BODY = `
  let a = x |> subm(3, k=3) |> relu
  let kept = a |> prune(m, above=0.1)
  let b = kept |> subm(3, k=3, bias=true)
  let low = b |> conv(4, k=3, s=2, p=1)
  let again = low |> prune(low |> linear(1), above=0.05)
  let fine = again |> deconv(3, k=2, s=2)
  let back = again |> up(3, k=3, onto=b)
  output b = b
  output all = union(kept, a)
  output gate = union(b, a, by=product) |> relu
  output again = again |> subm(2, k=3)
  output fine = fine
  output back = back + b
  output brought = x |> conv(2, k=3, p=1, onto=kept)
  output pooled = again |> global_sum_pool
`;

const textOf = (dim: number, bounded: boolean): string => {
  const axes = AXES.slice(0, dim).map((axis, a) => (bounded ? `${axis}: ${EXTENTS[dim - 1]![a]}` : axis));
  return `spnet 1\nnet N {\n  dialect spconv\n  sites S : (${axes.join(", ")})\n  input x : feat[S, 2]\n  input m : feat[S, 1]\n${BODY}${bounded ? "  output image = again |> to_dense\n" : ""}}\n`;
};

/** Two features of one cloud; `shift` moves the mask, so that none, some or all rows stay. */
function inputsOf(dim: number, rows: number, shift: number, seed: number, origin: number): Inputs {
  const x = cloud(seed, rows, 3, EXTENTS[dim - 1]!, 2, origin);
  return { x, m: { coords: x.coords, features: x.features.filter((_, i) => i % 2 === 0).map((v) => v + shift) } };
}

describe("sites that depend on data", () => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await cpuTarget();
  });
  afterAll(() => target.close());

  describe.each([1, 2, 3, 4])("%d dimensions", (dim) => {
    it.each(pipelines.flatMap(([name, pipeline]) => [true, false].map((bounded) => [name, bounded ? "bounded" : "unbounded", pipeline, bounded] as const)))("%s, %s", async (_name, _grid, pipeline, bounded) => {
      const net = netFromText(textOf(dim, bounded));
      const network = await target.open(fuse(net.module, pipeline), { weights: net.weights });
      const most = Math.min(60, EXTENTS[dim - 1]!.reduce((a, b) => a * b, 1));
      const kept = new Set<number>();
      for (const rows of [most, 1, 0]) {
        const { coords } = inputsOf(dim, rows, 0, 5, bounded ? 0 : -4)["x"]!;
        const scene = await network.prepare({ x: coords, m: coords }, { batch: 3 });
        // One scene, other features each time: what a run pruned is there again for the next.
        for (const shift of [0, 0.7, -5, 5, 0.2]) {
          const inputs = inputsOf(dim, rows, shift, 5, bounded ? 0 : -4);
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

  it("runs again give the same", async () => {
    const net = netFromText(textOf(3, true));
    const network = await target.open(fuse(net.module, pipelines[2]![1]), { weights: net.weights });
    const inputs = inputsOf(3, 60, 0, 5, 0);
    const run = async (): Promise<unknown> => network.run(inputs, { batch: 3 });
    const [first, last] = [await run(), (await run(), await run(), await run())];
    expect(last).toEqual(first);
    network.dispose();
  });

  it("the plan executor, with rows in the caller's order", () => {
    const net = netFromText(textOf(2, true));
    const inputs = inputsOf(2, 60, 0.1, 9, 0);
    const wanted = wantedOf(net, inputs, 3);
    for (const [name, pipeline] of pipelines) {
      const outputs = executePlan(lowerToPlan(fuse(net.module, pipeline)), inputs, net.weights, 3);
      for (const [output, value] of wanted) {
        if (value.kind === "rulebook") throw new Error("a rulebook is no output");
        expect(relativeError(outputs[output]!.data, value.data), `${name} ${output}`).toBeLessThanOrEqual(1e-5);
      }
    }
  });

  it("is refused on WebGPU, with the place and what to do", () => {
    const net = netFromText(textOf(2, true));
    expect(() => buildProgram(lowerToPlan(fuse(net.module, pipelines[2]![1])))).toThrow(/^SP0870.*test\.spnet:\d+:\d+.*--target wasm/);
  });
});
