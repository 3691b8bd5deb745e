import { afterAll, expect, it } from "vitest";
import { openDevice } from "../../src/cli/adapter.ts";
import { expectSpoiltIsDropped } from "./spoilt.ts";

const opened = await openDevice();
afterAll(() => opened.close());

it("a candidate with a spoilt kernel is dropped for its kind on WebGPU", { timeout: 300_000 }, async () => {
  await expectSpoiltIsDropped(
    { target: "webgpu", opened },
    (code) => code,
    [],
    () => false,
  );
  expect(1).toBe(1);
});
