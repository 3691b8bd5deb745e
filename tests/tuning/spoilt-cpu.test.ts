import { it } from "vitest";
import { expectSpoiltIsDropped } from "./spoilt.ts";

it("a candidate with a spoilt function is dropped for its kind on the CPU", async () => {
  await expectSpoiltIsDropped(
    { target: "wasm", options: { threads: 0, lanes: "plain", onNotice: () => undefined } },
    // The multiplication of lists by three rows at once: only the layer with nine taps has it.
    (code) => code.replace(/\(func \$pairs_4_[^ ]*_r3 [\s\S]*?(?=\n\n|\n\)\n$)/g, (text) => text.replaceAll("f32x4.add", "f32x4.sub")),
    ["9tx4->4: tile 3 rows × 4 columns"],
    ({ tiles }) => Object.values(tiles).some((t) => "rows" in t && t.rows === 3 && tiles["9tx4->4"] === t),
  );
});
