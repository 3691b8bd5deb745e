import { describe, expect, it } from "vitest";
import { dataOf } from "../support/network-runs.ts";
import { eventCases, eventExamples, eventFolder, eventNet } from "../support/event-nets.ts";
import { recordParity } from "../support/parity.ts";
import type { pipelines } from "../support/plan-runs.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const largest = (list: ArrayLike<number>): number => Array.from(list).reduce((best, v, i, all) => (v > all[best]! ? i : best), 0);

/** The trained networks of event cameras against what was recorded of them: whole numbers bit for bit. */
export function eventsSuite(open: OpenTarget, chosen: typeof pipelines): void {
  const target = useTarget(open);

  describe.skipIf(eventFolder === undefined)(`networks of event cameras${eventFolder === undefined ? " (skipped: the shared folder fixtures/event-nets is not here)" : ""}`, () => {
    const cases = eventCases().filter((c) => eventExamples[c.file] !== undefined);
    describe.each(cases.map((c) => [eventExamples[c.file]!, c] as const))("%s", (_name, c) => {
      it.each(chosen)("%s", async (level, pipeline) => {
        const { net, input, wanted } = eventNet(c);
        const network = await openNet(target(), net, pipeline);
        const outputs = await target().working(() => network.run({ events: input }));
        expect(Object.keys(outputs).sort()).toEqual(wanted.map((w) => w.output).sort());
        for (const { output, data, abs } of wanted) {
          const found = dataOf(outputs[output]!);
          expect(found.length).toBe(data.length);
          const error = found.reduce((most, v, i) => Math.max(most, Math.abs(v - data[i]!)), 0);
          if (level === "O2" && abs === c.tolerance.abs) recordParity({ folder: "event-nets", file: c.file, target: target().name, error, tolerance: abs, relative: false });
          expect(error, output).toBeLessThanOrEqual(abs);
          if (output === "scores") expect(largest(found)).toBe(largest(data));
        }
        network.dispose();
      }, 240_000);
    });
  });
}
