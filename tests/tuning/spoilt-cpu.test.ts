import { it } from "vitest";
import { expectSpoiltIsDropped } from "./spoilt.ts";

it("a candidate with a spoilt function is dropped for its kind on the CPU", async () => {
  await expectSpoiltIsDropped(
    { target: "wasm", options: { threads: 0, lanes: "plain", onNotice: () => undefined } },
    // Three rows of four columns at once: the layer with eight columns has two vectors of them.
    (code) => code.replace(/\(func \$pairs_4_s4_a4_v1_r3\n[\s\S]*?(?=\n\n|\n\)\n$)/, (text) => text.replaceAll("f32x4.add", "f32x4.sub")),
    ["9tx4->4: tile 3 rows × 4 columns"],
    ({ tiles }) => Object.values(tiles).some((t) => "rows" in t && t.rows === 3 && tiles["9tx4->4"] === t),
  );
});
