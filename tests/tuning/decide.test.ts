import { describe, expect, it } from "vitest";
import { FALSE_WINS, isHopeless, judge, MARGIN, roundsFor } from "../../src/codegen/tuning/decide.ts";
import { noise } from "./noise.ts";

const all = (n: number, value: number): readonly number[] => Array<number>(n).fill(value);

describe("a verdict on paired times", () => {
  it.each([
    ["clearly less", all(9, 0.8), "faster"],
    ["clearly more", all(9, 1.2), "not faster"],
    ["less within the noise", [0.7, 1.3, 0.6, 1.1, 0.6, 0.6, 1.4, 0.6, 0.6], "not faster"],
    ["less by nothing that counts", all(9, 1 - MARGIN / 2), "not faster"],
    ["too few rounds", all(8, 0.5), "not faster"],
    ["two wild rounds change nothing", [...all(7, 0.8), 9, 9], "faster"],
    ["three do", [...all(6, 0.8), 9, 9, 9], "not faster"],
    ["a time of no length", all(9, NaN), "not faster"],
  ] as const)("%s", (_, ratios, verdict) => expect(judge(ratios, 9).verdict).toBe(verdict));

  it("has the median, and the interval that two quotients less at either end leave", () => {
    expect(judge([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], 7)).toEqual({ ratio: 0.4, low: 0.3, high: 0.5, rounds: 7, verdict: "faster" });
  });

  it("is hopeless at the third round lost", () => {
    expect(isHopeless([1, 1, 0.5])).toBe(false);
    expect(isHopeless([1, 0.5, 1.1, NaN])).toBe(true);
  });
});

describe("the number of rounds", () => {
  // (1 + n + n (n - 1) / 2) / 2ⁿ by hand: n = 11 gives 67 / 2048 = 0.033, n = 10 gives 56 / 1024 = 0.055; n = 17 gives 154 / 131072 = 0.00117.
  it.each([[1, 11], [40, 17]])("for %d comparisons is %d", (comparisons, rounds) => expect(roundsFor(comparisons)).toBe(rounds));
});

describe("equal candidates", () => {
  /** Part of comparisons of equals that are won, when the quotient of two noisy times decides each round. */
  const wins = (trials: number, rounds: number, skew: (round: number) => number): number => {
    const random = noise(7);
    let won = 0;
    for (let t = 0; t < trials; t++) {
      const ratios = Array.from({ length: rounds }, (_, i) => (skew(i) * random()) / random());
      if (judge(ratios, rounds).verdict === "faster") won++;
    }
    return won / trials;
  };
  // Three standard deviations of a part of 0.05 in 20,000 trials are 0.0046.
  it("win one comparison at the stated rate at most, whatever the noise; some do", () => {
    const rate = wins(20_000, roundsFor(1), () => 1);
    expect(rate).toBeLessThan(FALSE_WINS + 0.0046);
    expect(rate).toBeGreaterThan(0.01);
  });
  it("also where who comes second is favoured", () => expect(wins(20_000, roundsFor(1), (round) => (round % 2 === 0 ? 1.3 : 1 / 1.3))).toBeLessThan(FALSE_WINS + 0.0046));
});
