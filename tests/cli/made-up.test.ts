import { describe, expect, test } from "vitest";
import { checkScene } from "../../src/cli/files/check-scene.ts";
import type { InputSpec } from "../../src/cli/files/scene.ts";
import { madeUpInput, SCENE_KINDS } from "../../src/cli/scan/made-up.ts";

const spec = (axes: readonly string[], channels: number, extents?: readonly number[]): InputSpec => ({ name: "x", axes, channels, extents });

const FITTING: Readonly<Record<(typeof SCENE_KINDS)[number], readonly InputSpec[]>> = {
  lidar: [spec(["z", "y", "x"], 4, [41, 1600, 1408]), spec(["x", "y", "z"], 3), spec(["z", "y", "x"], 5, [41, 1600, 1408])],
  room: [spec(["x", "y", "z"], 6), spec(["x", "y", "z"], 3)],
  strokes: [spec(["y", "x"], 3, [64, 64]), spec(["y", "x"], 1)],
  tracks: [spec(["t"], 1, [200]), spec(["a", "b", "c", "d"], 2, [16, 16, 16, 16])],
};

describe("made-up input", () => {
  for (const kind of SCENE_KINDS) {
    for (const wanted of FITTING[kind]) {
      test(`${kind} fits (${wanted.axes.join(", ")}) × ${wanted.channels}${wanted.extents === undefined ? "" : " within extents"}`, () => {
        const input = madeUpInput(kind, 1, wanted);
        expect(input.rows).toBeGreaterThan(50);
        expect(checkScene(new Map([["x", input]]), [wanted], "error").get("x")).toEqual(input);
      });
    }
  }

  test("a room's three channels are its colours", () => {
    const [full, colours] = FITTING.room.map((s) => madeUpInput("room", 1, s));
    expect([...colours!.features.subarray(0, 3)]).toEqual([...full!.features.subarray(3, 6)]);
    expect(colours!.features.reduce((least, v) => Math.min(least, v))).toBeGreaterThanOrEqual(0);
  });

  test("dimensions that do not fit are named", () => {
    expect(() => madeUpInput("strokes", 1, spec(["z", "y", "x"], 1))).toThrow(/SP0834: made-up strokes have 2 axes, input `x` has 3/);
    expect(() => madeUpInput("lidar", 1, spec(["t"], 1))).toThrow(/SP0834: a scan has axes x, y, z/);
  });
});
