import { expect, it } from "vitest";
import { knownAnswer } from "../../src/runtime/cpu/known-answer.ts";
import { PROBE } from "../support/bits.ts";
import { cpuNetworkOf } from "../support/cpu-networks.ts";
import { STANDARD } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";

it("the known answer is found by every multiplication, and missed by one whose last bit is another", async () => {
  const net = netFromText(PROBE, 3);
  const network = await cpuNetworkOf(fuse(net.module, STANDARD), { weights: net.weights });
  const { engine, plan } = network;
  expect(plan.checks.length).toBeGreaterThan(3);
  const used = engine.heap.used;
  expect(knownAnswer(engine, plan, false, new Map())).toBe(true);
  for (const { name } of plan.checks) {
    const spoilt = {
      heap: engine.heap,
      call(called: string, ...args: readonly number[]) {
        engine.call(called, ...args);
        if (called !== name) return;
        const [acc] = engine.heap.i32(args[3]!, 1);
        engine.heap.i32(args[3]!, 1)[0] = acc! ^ 1;
      },
    };
    const seen = new Map<string, boolean>();
    expect(knownAnswer(spoilt, plan, false, seen), name).toBe(false);
    // What was found out stays known.
    expect(knownAnswer(engine, plan, false, seen), name).toBe(false);
  }
  expect(engine.heap.used).toBe(used);
  network.dispose();
});
