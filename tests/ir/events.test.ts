import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { FeatValue } from "../../src/ir/interp/value.ts";
import { eventCases, eventExamples, eventFolder, eventNet } from "../support/event-nets.ts";
import { recordParity } from "../support/parity.ts";
import { tensorOf } from "../support/safetensors.ts";

const differ = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);

describe.skipIf(eventFolder === undefined)(`networks of event cameras, by the interpreter${eventFolder === undefined ? " (skipped: the shared folder fixtures/event-nets is not here)" : ""}`, () => {
  const cases = eventCases().filter((c) => eventExamples[c.file] !== undefined);

  it.each(cases.map((c) => [eventExamples[c.file]!, c] as const))("%s: every layer's sites and values, and the scores", (_name, c) => {
    const { net, input, tensors } = eventNet(c);
    const values: FeatValue[] = [];
    const outputs = interpret(net.module, {
      inputs: { events: input }, params: net.params, batch: 1,
      observe: (_op, results) => values.push(...results.flatMap((v) => (v.kind === "feat" ? [v] : []))),
    });
    const layers = [...tensors.keys()].filter((name) => name.startsWith("layer.") && name.endsWith(".output") && name !== "layer.pool.output");
    expect(layers.length).toBeGreaterThan(10);
    for (const layer of layers) {
      const { shape, data } = tensorOf(tensors, layer);
      const found = values.find((v) => v.sites.count === shape[0] && v.channels === shape[1] && differ(v.data, data) <= c.tolerance.abs);
      expect(found, `some value is ${layer}`).toBeDefined();
      const coords = tensors.get(layer.replace(/output$/, "coords"));
      if (coords !== undefined) expect(found!.sites.coords, layer).toEqual(coords.data);
    }
    const scores = outputs.get("scores")!;
    const error = scores.kind === "vec" ? differ(scores.data, tensorOf(tensors, "expect.logits").data) : Infinity;
    recordParity({ folder: "event-nets", file: c.file, target: "interpreter", error, tolerance: c.tolerance.abs, relative: false });
    expect(error).toBeLessThanOrEqual(1e-5);
  });
});
