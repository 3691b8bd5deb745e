import { describe, expect, it } from "vitest";
import { judge } from "../../src/codegen/tuning/decide.ts";

describe("a verdict on paired times", () => {
  it.each([
    ["clearly less", [0.8, 0.82, 0.79, 0.81, 0.8], "faster"],
    ["clearly more", [1.2, 1.22, 1.19, 1.21, 1.2], "slower"],
    ["less within the noise", [0.7, 1.3, 0.95, 1.1, 0.9], "equal"],
    ["less by nothing that counts", [0.995, 0.995, 0.995, 0.995, 0.995], "equal"],
    ["too few rounds", [0.5, 0.5], "equal"],
    ["one wild round changes nothing", [0.8, 0.82, 9, 0.81, 0.8, 0.8, 0.81], "faster"],
  ] as const)("%s", (_, ratios, verdict) => expect(judge(ratios).verdict).toBe(verdict));

  it("has the median's interval: 1.57 · IQR / √n", () => {
    expect(judge([1, 2, 3, 4, 5])).toEqual({ ratio: 3, noise: (1.57 * 2) / Math.sqrt(5), verdict: "slower" });
  });
});
