import { afterAll, beforeAll, describe, test } from "vitest";
import { combinedCase, randomCase } from "../../geometry/random-spec.ts";
import { openGpu, type TestGpu } from "../../support/gpu.ts";
import { checkGeometry } from "./check.ts";
import { GeometryRunner } from "./harness.ts";

let gpu: TestGpu;
let runner: GeometryRunner;
beforeAll(async () => {
  gpu = await openGpu();
  runner = new GeometryRunner(gpu);
});
afterAll(() => gpu.close());

describe("random site sets and rulebooks in 1D to 4D", () => {
  test.each(Array.from({ length: 8 }, (_, seed) => seed))("unions and generated sets, seed %i", async (seed) => {
    const { spec, inputs, unbounded } = combinedCase(seed);
    await checkGeometry(runner, spec, inputs);
    if (unbounded) {
      await checkGeometry(runner, spec, inputs, { bitmapCells: 0 });
      await checkGeometry(runner, spec, inputs, { boxless: true, salt: seed });
    } else {
      await checkGeometry(runner, spec, inputs, {}, { bitmapCells: 0, injectFailures: true });
    }
  });

  // The first, and some that have found mistakes.
  test.each([...Array.from({ length: 12 }, (_, seed) => seed), 31, 77, 103, 179, 187, 275, 310])("seed %i", async (seed) => {
    const { spec, inputs, unbounded } = randomCase(seed);
    await checkGeometry(runner, spec, inputs);
    if (unbounded) {
      // The same kernels, with every table a hash table, and without a box.
      await checkGeometry(runner, spec, inputs, { bitmapCells: 0 });
      await checkGeometry(runner, spec, inputs, { boxless: true, salt: seed });
    } else {
      await checkGeometry(runner, spec, inputs, {}, { bitmapCells: 0, injectFailures: true });
    }
  });
});
