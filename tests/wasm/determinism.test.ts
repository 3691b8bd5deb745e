import { describe, expect, it } from "vitest";
import { cpuNetworkOf } from "../support/cpu-networks.ts";
import { bitsOf, PROBE, probeInputs } from "../support/bits.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

const net = netFromText(PROBE, 3);
const fused = fuse(net.module, pipelines[2]![1]);

async function bits(threads: number, shuffle = 0): Promise<string> {
  const network = await cpuNetworkOf(fused, { weights: net.weights, threads });
  const scene = await network.prepare({ v: probeInputs(shuffle).coords });
  const first = bitsOf(await scene.run({ v: probeInputs(shuffle).features }), shuffle);
  // A kept scene and both at once give what the first run gave.
  expect(bitsOf(await scene.run({ v: probeInputs(shuffle).features }), shuffle)).toBe(first);
  expect(bitsOf(await network.run({ v: probeInputs(shuffle) }), shuffle)).toBe(first);
  network.dispose();
  return first;
}

describe("the CPU target's bits", () => {
  const wanted = bits(0);

  it.each([1, 2, 3, 5])("do not depend on threads: %i", async (threads) => expect(await bits(threads)).toBe(await wanted));

  it.each([7, 8])("do not depend on the order of the rows: shuffle %i", async (shuffle) => {
    expect(await bits(0, shuffle)).toBe(await wanted);
    expect(await bits(2, shuffle)).toBe(await wanted);
  });
});
