import { describe, expect, it } from "vitest";
import { clockResolution, leastSample, repetitionsFor, timeRuns } from "../../src/cli/tuning/sample.ts";

/** A clock that shows whole multiples of `step`, while each reading and each run takes true time. */
function clock(step: number, reading: number): { readonly now: () => number; readonly run: (ms: number) => () => Promise<void> } {
  let time = 0;
  return {
    now: () => Math.floor((time += reading) / step) * step,
    run: (ms) => () => {
      time += ms;
      return Promise.resolve();
    },
  };
}

describe("a clock's resolution", () => {
  it("is the least step seen", () => {
    expect(clockResolution(clock(2, 0.01).now)).toBe(2);
    expect(clockResolution(clock(0.125, 0.01).now)).toBe(0.125);
  });
  it("is 0 of a clock that stands still", () => expect(clockResolution(() => 5)).toBe(0));
  it("decides how long a sample lasts", () => {
    expect(leastSample(clock(2, 0.01).now)).toBe(400);
    expect(leastSample(() => 5)).toBe(5);
  });
});

describe("the repetitions of a run", () => {
  it("make a short run long enough for a coarse clock, where a single one shows 0 or a whole step", async () => {
    const { now, run } = clock(2, 0.001);
    const single = await timeRuns(now, run(0.3), 1);
    expect([0, 2]).toContain(single);
    const least = leastSample(now);
    const repetitions = await repetitionsFor((n) => timeRuns(now, run(0.3), n), least);
    const lasted = await timeRuns(now, run(0.3), repetitions);
    expect(lasted).toBeGreaterThanOrEqual(least - 2);
    expect(lasted / repetitions).toBeGreaterThan(0.295);
    expect(lasted / repetitions).toBeLessThan(0.305);
  });
  it("are one of a long run", async () => {
    const { now, run } = clock(0.01, 0.001);
    expect(await repetitionsFor((n) => timeRuns(now, run(30), n), leastSample(now))).toBe(1);
  });
  it("end on a clock that stands still", async () => expect(await repetitionsFor(() => Promise.resolve(0), 5)).toBe(10_000));
});
