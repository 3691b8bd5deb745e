import { expect } from "vitest";
import { Engine } from "../../src/runtime/cpu/engine.ts";
import { cpuNetworkOf } from "./cpu-networks.ts";
import type { TestTarget } from "./target.ts";

/** The CPU target on the calling thread, or on as many threads as options say. */
export function cpuTarget(): Promise<TestTarget> {
  const { run } = Engine.prototype;
  let calls = 0;
  Engine.prototype.run = function (list) {
    calls += list.length;
    return run.call(this, list);
  };
  return Promise.resolve({
    name: "wasm",
    open: cpuNetworkOf,
    async working(body) {
      const before = calls;
      const result = await body();
      expect(calls).toBeGreaterThan(before);
      return result;
    },
    close: () => void (Engine.prototype.run = run),
  });
}
