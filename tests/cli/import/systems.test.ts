import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors } from "../../../src/cli/files/safetensors.ts";
import { toFloat64 } from "../../../src/cli/files/tensor.ts";
import { Folder, spnet } from "../support.ts";
import { fixture, layersNet, loadedFrom } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const LAYOUTS = ["spconv2", "spconv1", "minkowski", "torchsparse", "scn"];
const nets = new Map(LAYOUTS.map((layout) => [layout, folder.write(`layers-${layout}.spnet`, layersNet(layout))]));

/** Kernels as [k…, Cin, Cout] and vectors, as make-checkpoints.py drew them, by the names of spconv. */
const canonical = parseSafetensors("", readFileSync(fixture("layers.safetensors")));

const SYSTEMS: readonly (readonly [string, readonly string[]])[] = [
  ["spconv2", []],
  ["spconv21", []],
  ["spconv1", []],
  ["minkowski", []],
  ["torchsparse", []],
  ["scn", ["--read", "square.weight=in-out"]],
  ["fvdb", []],
];

describe.each(SYSTEMS)("from %s", (system, options) => {
  const from = system === "spconv21" ? "spconv2" : system;

  test.each(LAYOUTS)("to layout %s, what the run time makes of the file is what was drawn, bit for bit", async (layout) => {
    const out = folder.at("w.safetensors");
    const { status, err } = await spnet("import", fixture(`layers-${system}.pth`), "--from", from, "--net", nets.get(layout)!, "--out", out, ...options);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const loaded = loadedFrom(out, layersNet(layout));
    expect(loaded.length).toBe(canonical.size);
    loaded.forEach(({ tensor: { name, use }, data }) => {
      const path = use === "gamma" || use === "beta" || use === "mean" || use === "var" ? name.replace(/\.bn(\.\w+)$/, "$1") : name.replace(/\.kernel$/, ".weight");
      expect({ name, values: data }).toEqual({ name, values: toFloat64(canonical.get(path)!) });
    });
  });
});

test("stored as the network wants it, bytes stay as they are", async () => {
  const { out } = await spnet("import", fixture("layers-spconv2.pth"), "--from", "spconv2", "--net", nets.get("spconv2")!);
  expect(out).toContain("8 kernels and matrices, 0 of them turned");
  expect(out).toContain("ignored 2 counters of training (num_batches_tracked and the like)");
  expect(out).toMatch(/c\.weight \[5, 1, 1, 1, 2\] has one tap: its memory is read as \[Cin, Cout\]/);
});

describe("the layout is told by shapes where they tell", () => {
  test.each(SYSTEMS.filter(([system]) => !["spconv21", "scn", "torchsparse"].includes(system)))("%s needs no --from", async (system) => {
    const { status, out } = await spnet("import", fixture(`layers-${system}.pth`), "--net", nets.get("spconv2")!);
    expect(status).toBe(0);
    expect(out).toMatch({ spconv2: /^read as spconv 2/m, spconv1: /^read as spconv 1/m, minkowski: /^read as MinkowskiEngine/m, fvdb: /^read as fVDB/m }[system]!);
  });

  test("kernels of spconv 2.1's native algorithm, and those of spconv 1 in a model of spconv 2, are known by their shapes", async () => {
    expect((await spnet("import", fixture("layers-spconv21.pth"), "--from", "spconv2", "--net", nets.get("spconv2")!)).out).toContain("every kernel is stored as [k…, Cout, Cin], by its shapes");
    expect((await spnet("import", fixture("layers-spconv1.pth"), "--from", "spconv2", "--net", nets.get("spconv2")!)).out).toContain("every kernel is stored as [k…, Cin, Cout], by its shapes");
  });
});
