import { describe, expect, it } from "vitest";
import { SpnetError } from "../../src/runtime/index.ts";
import type { Heap } from "../../src/runtime/cpu/heap.ts";
import { bitsOf, PROBE, probeInputs } from "../support/bits.ts";
import { cpuNetworkOf, type AnyCpuNetwork } from "../support/cpu-networks.ts";
import { STANDARD } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

const net = netFromText(PROBE, 3);
const fused = fuse(net.module, STANDARD);
const inputs = probeInputs(0);
const open = (options: { readonly threads?: number } = {}): Promise<AnyCpuNetwork> => cpuNetworkOf(fused, { weights: net.weights, ...options });
const runBits = async (network: AnyCpuNetwork): Promise<string> => bitsOf(await network.run({ v: inputs }), 0);

const wanted = open().then(runBits);

/** Refuses the allocation number `n` from now on, and only that. */
function refuseNth(heap: Heap, n: number): { restore(): void; readonly reached: boolean } {
  const { alloc } = heap;
  let count = 0;
  heap.alloc = (bytes, label) => {
    if (++count === n) throw new SpnetError("SP0613", `refused: ${label}`);
    return alloc.call(heap, bytes, label);
  };
  return {
    restore: () => void (heap.alloc = alloc),
    get reached() {
      return count >= n;
    },
  };
}

describe("out of memory: SP0613", () => {
  it.each([0, 2])("wherever an allocation of a run fails, nothing is lost and the next run is right, %i threads", async (threads) => {
    const network = await open({ threads });
    const { heap } = network.engine;
    await runBits(network);
    const used = heap.used;
    let failures = 0;
    // Until a run needs fewer allocations than are let through.
    for (let n = 1; ; n++) {
      const limit = refuseNth(heap, n);
      const outcome = await runBits(network).catch((e: unknown) => e);
      limit.restore();
      if (!limit.reached) break;
      expect(outcome).toMatchObject({ code: "SP0613" });
      expect(heap.used, `after allocation ${n} failed`).toBeLessThanOrEqual(used);
      expect(await runBits(network)).toBe(await wanted);
      expect(heap.used).toBe(used);
      failures++;
    }
    expect(failures).toBeGreaterThan(20);
    network.dispose();
  });

  it("wherever an allocation of a new network's first calls fails", async () => {
    let failures = 0;
    for (let n = 1; ; n++) {
      const network = await open();
      const limit = refuseNth(network.engine.heap, n);
      const kept = await network.prepare({ v: inputs.coords }).catch((e: unknown) => e as SpnetError);
      const outcome = "code" in kept ? kept : await kept.run({ v: inputs.features }).catch((e: unknown) => e);
      limit.restore();
      if (!limit.reached) break;
      expect(outcome).toMatchObject({ code: "SP0613" });
      if ("run" in kept) expect(bitsOf(await kept.run({ v: inputs.features }), 0)).toBe(await wanted);
      expect(await runBits(network)).toBe(await wanted);
      network.dispose();
      failures++;
    }
    expect(failures).toBeGreaterThan(20);
  });

  it("of real memory: a request beyond 4 GiB is refused, and what was asked before and after is right", async () => {
    const network = await open();
    const { heap } = network.engine;
    const kept = await network.prepare({ v: inputs.coords });
    // All memory that is left, but for a little.
    const blocks: number[] = [];
    for (let bytes = 2 ** 31; bytes >= 2 ** 16; bytes /= 2) {
      try {
        for (;;) blocks.push(heap.alloc(bytes, "ballast"));
      } catch (e) {
        expect(e).toMatchObject({ code: "SP0613" });
      }
    }
    await expect(network.run({ v: inputs })).rejects.toMatchObject({ code: "SP0613", details: { label: expect.any(String), needed: expect.any(Number) } });
    await expect(kept.run({ v: inputs.features })).rejects.toMatchObject({ code: "SP0613" });
    for (const at of blocks) heap.free(at);
    expect(bitsOf(await kept.run({ v: inputs.features }), 0)).toBe(await wanted);
    expect(await runBits(network)).toBe(await wanted);
    network.dispose();
  });

  it.each([0, 2])("is not claimed before 4 GiB: with %i threads, what lies beyond 2 GiB is addressed right", async (threads) => {
    const network = await open({ threads });
    network.engine.heap.alloc(2 ** 31, "ballast");
    expect(await runBits(network)).toBe(await wanted);
    const kept = await network.prepare({ v: inputs.coords });
    const { outputs } = await kept.profile({ v: inputs.features });
    expect(bitsOf(outputs, 0)).toBe(await wanted);
    network.dispose();
  });
});

it("memory returns: many scenes leave what one leaves", async () => {
  const network = await open();
  await runBits(network);
  const { heap } = network.engine;
  const used = heap.used;
  for (let i = 0; i < 30; i++) {
    const scenes = await Promise.all([network.prepare({ v: inputs.coords }), network.prepare({ v: inputs.coords.subarray(0, 4 * (1 + 90 * i)) })]);
    expect(heap.used).toBeGreaterThan(used);
    await scenes[0]!.run({ v: inputs.features });
    await expect(scenes[1]!.run({ v: inputs.features })).rejects.toMatchObject({ code: "SP0814" });
    await expect(network.prepare({ v: [0, 99, 0, 0] })).rejects.toMatchObject({ code: "SP0813" });
    await expect(network.prepare({ v: Int32Array.of(...inputs.coords.subarray(0, 4), ...inputs.coords.subarray(0, 4)) })).rejects.toMatchObject({ code: "SP0818" });
    for (const scene of scenes) scene.dispose();
    await runBits(network);
    expect(heap.used).toBe(used);
  }
  const { byteLength } = heap.memory.buffer;
  for (let i = 0; i < 20; i++) await runBits(network);
  expect(heap.memory.buffer.byteLength).toBe(byteLength);
  network.dispose();
});

it("memory returns where duplicates are merged", async () => {
  const network = await cpuNetworkOf(fused, { weights: net.weights, duplicates: "mean" });
  const twice = { coords: Int32Array.from([...inputs.coords, ...inputs.coords]), features: Float32Array.from([...inputs.features, ...inputs.features]) };
  await network.run({ v: twice });
  const { used } = network.engine.heap;
  expect(bitsOf(await network.run({ v: twice }), 0)).toBe(await wanted);
  expect(network.engine.heap.used).toBe(used);
  network.dispose();
});
