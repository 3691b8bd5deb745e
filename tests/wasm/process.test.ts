import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { emit, SMALL } from "../support/emitted.ts";
import { netFromText } from "../support/source-net.ts";

const folder = mkdtempSync(join(tmpdir(), "spnet-process-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("a network that nobody disposes of keeps no process alive", async () => {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "net.js"), (await emit(netFromText(SMALL).module, "wasm")).js);
  writeFileSync(join(folder, "main.js"), `
    import { create } from "./net.js";
    const shapes = { "c0.weight": [8, 3, 3, 3, 3], "c1.weight": [12, 3, 3, 3, 8], "c2.weight": [12, 3, 3, 3, 12], "c3.weight": [8, 3, 3, 3, 12], "c4.weight": [4, 3, 3, 3, 16], "fc.weight": [5, 12], "fc.bias": [5], ...Object.fromEntries(["weight", "bias", "running_mean", "running_var"].map((n) => ["b0." + n, [8]])) };
    const weights = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5) }]));
    const net = await create({ weights, threads: 2, onNotice: () => undefined });
    const kept = await net.prepare({ a: [0, 1, 2, 3] });
    const outputs = await kept.run({ a: [1, 2, 3] });
    console.log(net.adapter, outputs.fine.rows);
  `);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [join(folder, "main.js")], { encoding: "utf8", timeout: 30_000 });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  expect(stdout).toContain("2 threads");
  expect(stdout.trim().endsWith(" 1")).toBe(true);
});
