import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../src/runtime/index.ts";
import { bitsOf, PROBE, probeInputs } from "../support/bits.ts";
import { cpuNetworkOf, type AnyCpuNetwork } from "../support/cpu-networks.ts";
import { STANDARD } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";
import { watchWorkers, type WatchedWorkers } from "../support/watched-workers.ts";

const net = netFromText(PROBE, 3);
const fused = fuse(net.module, STANDARD);
const inputs = probeInputs(0);
const opened: AnyCpuNetwork[] = [];
const open = async (options: Partial<CreateOptions> = {}): Promise<AnyCpuNetwork> => {
  const network = await cpuNetworkOf(fused, { weights: net.weights, threads: 2, ...options });
  opened.push(network);
  return network;
};
const runBits = async (network: AnyCpuNetwork): Promise<string> => bitsOf(await network.run({ v: inputs }), 0);
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, milliseconds));

let workers: WatchedWorkers;
let wanted: string;
beforeAll(async () => {
  wanted = await runBits(await open({ threads: 0 }));
  workers = watchWorkers();
});
afterEach(() => {
  workers.refuseAfter(Infinity);
  opened.splice(0).forEach((n) => n.dispose());
});
afterAll(() => workers.restore());

describe("a thread that dies", () => {
  it.each(["killNext", "spoilNext"] as const)("is SP0614 once nothing of its job runs any more; later calls start new threads and are right: %s", async (fail) => {
    const network = await open();
    expect(await runBits(network)).toBe(wanted);
    for (let i = 0; i < 3; i++) {
      const before = workers.started.length;
      workers[fail]();
      await expect(network.run({ v: inputs })).rejects.toMatchObject({ code: "SP0614" });
      expect(workers.alive).toBe(0);
      expect(await runBits(network)).toBe(wanted);
      expect(workers.started.length).toBe(before + 2);
    }
  });

  it("between two calls fails none: the next one starts new threads, when the old ones are gone", async () => {
    const network = await open();
    expect(workers.alive).toBe(2);
    await workers.started.at(-1)!.terminate();
    const before = workers.started.length;
    expect(await runBits(network)).toBe(wanted);
    expect(workers.started.length).toBe(before + 2);
    expect(workers.most).toBe(2);
  });

  it("fails its call only: what was asked for meanwhile is right, and so is a kept scene", async () => {
    const network = await open();
    const scene = await network.prepare({ v: inputs.coords });
    workers.killNext();
    const outcomes = await Promise.allSettled([network.run({ v: inputs }), scene.run({ v: inputs.features }), network.run({ v: inputs })]);
    expect(outcomes.map((o) => o.status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") expect(bitsOf(outcome.value, 0)).toBe(wanted);
      else expect(outcome.reason).toMatchObject({ code: "SP0614" });
    }
  });
});

describe("dispose()", () => {
  it("in the middle of calls ends all of them by SP0621, and the threads", async () => {
    const network = await open();
    const calls = [network.run({ v: inputs }), network.prepare({ v: inputs.coords }), network.run({ v: inputs })];
    await pause(1);
    network.dispose();
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "SP0621" });
    await pause(100);
    expect(workers.alive).toBe(0);
  });
});

describe("create()", () => {
  it("that fails ends its threads and leaves nothing unhandled", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const before = workers.started.length;
    await expect(open({ weights: {} })).rejects.toMatchObject({ code: "SP0501" });
    await pause(200);
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    expect(workers.started.length).toBe(before + 2);
    expect(workers.alive).toBe(0);
  });

  it.each([0, 1])("is SP0614 where the platform starts %i of 2 threads, and ends them", async (count) => {
    workers.refuseAfter(count);
    await expect(open()).rejects.toMatchObject({ code: "SP0614", message: expect.stringMatching(/could not be started: no more workers.*threads: 0/) });
    expect(workers.alive).toBe(0);
    workers.refuseAfter(Infinity);
    expect(await runBits(await open())).toBe(wanted);
  });

  it("that the caller stops while its threads start ends them", async () => {
    const controller = new AbortController();
    const before = workers.started.length;
    await expect(open({ signal: controller.signal, onProgress: (p) => p.phase === "weights" && controller.abort() })).rejects.toMatchObject({ code: "SP0620" });
    await pause(100);
    expect(workers.started.length).toBe(before + 2);
    expect(workers.alive).toBe(0);
  });

  it.each([-1, 1.5, Number.NaN])("SP0623: %d threads", async (threads) => {
    await expect(open({ threads })).rejects.toMatchObject({ code: "SP0623" });
  });

  it.each(["fast", "", 1n, null] as const)("SP0623: lanes of %s", async (lanes) => {
    await expect(open({ lanes: lanes as unknown as "wide" })).rejects.toMatchObject({ code: "SP0623" });
  });

  it("computes on the calling thread, and says so, where no memory can be shared with workers", async () => {
    const { getBuiltinModule } = process;
    const notices: string[] = [];
    process.getBuiltinModule = ((name: string) => (name === "node:worker_threads" ? undefined : getBuiltinModule(name))) as typeof getBuiltinModule;
    try {
      const network = await cpuNetworkOf(fused, { weights: net.weights, threads: 4, onNotice: (line) => void notices.push(line) });
      opened.push(network);
      expect(notices).toEqual([expect.stringContaining("one thread computes")]);
      expect(network.adapter).toContain("the calling thread");
      expect(await runBits(network)).toBe(wanted);
    } finally {
      process.getBuiltinModule = getBuiltinModule;
    }
  });
});

it("threads that wait burn no processor", async () => {
  const network = await open({ threads: 3 });
  expect(await runBits(network)).toBe(wanted);
  await pause(50);
  const before = process.cpuUsage();
  await pause(500);
  const { user, system } = process.cpuUsage(before);
  // Three that looked for work would take 1.5 seconds.
  expect((user + system) / 1000).toBeLessThan(250);
});
