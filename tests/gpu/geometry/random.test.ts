import { describe, test } from "vitest";
import { combinedCase, randomCase } from "../../geometry/random-spec.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner } from "./harness.ts";

const runner = GeometryRunner.ofFile();

/** The same kernels once more with every table a hash table; without a box, or with exchanges that fail. */
async function checkEveryWay({ spec, inputs, unbounded }: ReturnType<typeof randomCase>, seed: number): Promise<void> {
  await checkGeometry(runner, spec, inputs);
  if (unbounded) {
    await checkGeometry(runner, spec, inputs, { bitmapCells: 0 });
    await checkGeometry(runner, spec, inputs, { boxless: true, salt: seed });
  } else {
    await checkGeometry(runner, spec, inputs, {}, { bitmapCells: 0, injectFailures: true });
  }
}

describe("random site sets and rulebooks in 1D to 4D", () => {
  test.each(Array.from({ length: 8 }, (_, seed) => seed))("unions and generated sets, seed %i", async (seed) => {
    await checkEveryWay(combinedCase(seed), seed);
  });

  // The first, and some that have found mistakes.
  test.each([...Array.from({ length: 12 }, (_, seed) => seed), 31, 77, 103, 179, 187, 275, 310])("seed %i", async (seed) => {
    await checkEveryWay(randomCase(seed), seed);
  });
});
