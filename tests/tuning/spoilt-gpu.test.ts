import { afterAll, it } from "vitest";
import { openDevice } from "../../src/cli/adapter.ts";
import { expectSpoiltIsDropped } from "./spoilt.ts";

const opened = await openDevice();
afterAll(() => opened.close());

it("a candidate with a spoilt kernel is dropped for its kind on WebGPU", { timeout: 300_000 }, async () => {
  await expectSpoiltIsDropped(
    { target: "webgpu", opened },
    // One invocation along the columns with eight rows each is four invocations a workgroup.
    (code) => (/@workgroup_size\(4\)\nfn k00_conv_a\(/.test(code) ? code.replaceAll("< vec4f())", "> vec4f())") : code),
    ["9tx4->4: tile 1 × 8"],
    ({ tiles }) => JSON.stringify(tiles["9tx4->4"]) === JSON.stringify({ threads: 1, perThread: 8 }),
  );
});
