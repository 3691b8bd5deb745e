import { describe, expect, it } from "vitest";
import { dataOf } from "../support/network-runs.ts";
import { eventCases, eventExamples, eventFolder, eventNet } from "../support/event-nets.ts";
import { recordParity } from "../support/parity.ts";
import type { pipelines } from "../support/plan-runs.ts";
import { tensorOf } from "../support/safetensors.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const largest = (list: ArrayLike<number>): number => Array.from(list).reduce((best, v, i, all) => (v > all[best]! ? i : best), 0);

/** The trained networks of event cameras against their reference scores. */
export function eventsSuite(open: OpenTarget, chosen: typeof pipelines): void {
  const target = useTarget(open);

  describe.skipIf(eventFolder === undefined)(`networks of event cameras${eventFolder === undefined ? " (skipped: the shared folder fixtures/event-nets is not here)" : ""}`, () => {
    const cases = eventCases().filter((c) => eventExamples[c.file] !== undefined);
    describe.each(cases.map((c) => [eventExamples[c.file]!, c] as const))("%s", (_name, c) => {
      it.each(chosen)("%s", async (level, pipeline) => {
        const { net, input, tensors } = eventNet(c);
        const network = await openNet(target(), net, pipeline);
        const outputs = await target().working(() => network.run({ events: input }));
        const scores = dataOf(outputs["scores"]!);
        const wanted = tensorOf(tensors, "expect.logits").data;
        expect(scores.length).toBe(wanted.length);
        const error = scores.reduce((most, v, i) => Math.max(most, Math.abs(v - wanted[i]!)), 0);
        if (level === "O2") recordParity({ folder: "event-nets", file: c.file, target: target().name, error, tolerance: c.tolerance.abs, relative: false });
        for (const [i, v] of scores.entries()) expect(Math.abs(v - wanted[i]!), `class ${i}`).toBeLessThanOrEqual(c.tolerance.abs);
        expect(largest(scores)).toBe(largest(wanted));
        network.dispose();
      }, 240_000);
    });
  });
}
