import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import { rowCount, type FeatValue, type VecValue } from "../../src/ir/interp/value.ts";
import { eventCases, eventExamples, eventFolder, eventNet } from "../support/event-nets.ts";
import { recordParity } from "../support/parity.ts";
import { tensorOf } from "../support/safetensors.ts";

const differ = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);

describe.skipIf(eventFolder === undefined)(`networks of event cameras, by the interpreter${eventFolder === undefined ? " (skipped: the shared folder fixtures/event-nets is not here)" : ""}`, () => {
  const cases = eventCases().filter((c) => eventExamples[c.file] !== undefined);

  it.each(cases.map((c) => [eventExamples[c.file]!, c] as const))("%s: every layer's sites and values, and the outputs", (_name, c) => {
    const { net, input, tensors, wanted } = eventNet(c);
    const values: (FeatValue | VecValue)[] = [];
    const outputs = interpret(net.module, {
      inputs: { events: input }, params: net.params, batch: 1,
      observe: (_op, results) => values.push(...results.flatMap((v) => (v.kind === "feat" || v.kind === "vec" ? [v] : []))),
    });
    const layers = [...tensors.keys()].filter((name) => name.startsWith("layer.") && !name.endsWith(".coords"));
    expect(layers.length).toBeGreaterThan(10);
    for (const layer of layers) {
      const { shape, data } = tensorOf(tensors, layer);
      // What is recorded before the bias is here with it.
      const bias = layer.endsWith(".psum") ? tensorOf(tensors, layer.replace(/^layer(.*)psum$/, "weights$1bias")).data : [0];
      const recorded = Array.from(data, (v, i) => v + bias[i % bias.length]!);
      const found = values.find((v) => rowCount(v) === shape[0] && v.channels === shape[1] && differ(v.data, recorded) <= c.tolerance.abs);
      expect(found, `some value is ${layer}`).toBeDefined();
      const coords = tensors.get(layer.replace(/[a-z]+$/, "coords"));
      if (coords !== undefined && found?.kind === "feat") expect(found.sites.coords, layer).toEqual(coords.data);
    }
    expect(wanted.length).toBeGreaterThan(0);
    for (const { output, data, abs } of wanted) {
      const value = outputs.get(output)!;
      const error = value.kind === "feat" || value.kind === "vec" ? differ(value.data, data) : Infinity;
      if (abs === c.tolerance.abs) recordParity({ folder: "event-nets", file: c.file, target: "interpreter", error, tolerance: abs, relative: false });
      expect(error, output).toBeLessThanOrEqual(Math.min(abs, 1e-5));
    }
  });
});
