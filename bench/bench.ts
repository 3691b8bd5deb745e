/**
 * What each optimisation is worth. `npm run bench -- OPTIONS`:
 *
 *   --network NAME,…   (default second,minkunet18; all: every network)
 *   --cloud NAME       of the shared folder, or lidar, room, tracks (default: the first that is there)
 *   --sites N          of the scene at most, one part of it as dense as the whole (default: all)
 *   --target wasm|webgpu   (default wasm)
 *   --variant NAME,…   (default: O2 twice, O1, O0, and O2 with each optimisation off)
 *   --threads N  --lanes wide|plain  --runs N  --all-clouds  --data DIR  --json FILE
 *
 * Counters are exact and the same on every machine. Times are end to end, coordinates to outputs; variants take turns, and
 * what is printed is the median of the quotients by -O2 of the same round, with their quartiles.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { restartWithVulkan } from "../src/cli/adapter.ts";
import { packageRoot } from "../src/cli/version.ts";
import { chooseLanes } from "../src/runtime/cpu/lanes.ts";
import { measure, type Measurement } from "./ablation/measure.ts";
import { compileNetwork, NETWORKS } from "./ablation/networks.ts";
import { partOf, scenesOf } from "./ablation/scenes.ts";
import { cpuTarget, gpuTarget } from "./ablation/targets.ts";
import { allVariants } from "./ablation/variants.ts";
import { row } from "./cpu/context.ts";

const { values: options } = parseArgs({
  options: {
    network: { type: "string", default: "second,minkunet18" },
    cloud: { type: "string" },
    sites: { type: "string", default: "Infinity" },
    target: { type: "string", default: "wasm" },
    variant: { type: "string" },
    threads: { type: "string", default: "2" },
    lanes: { type: "string", default: "plain" },
    runs: { type: "string", default: "9" },
    "all-clouds": { type: "boolean", default: false },
    data: { type: "string", default: join(packageRoot(), "..", "shared", "data", "bench") },
    json: { type: "string" },
  },
});

const webgpu = options.target === "webgpu";
const restarted = webgpu ? await restartWithVulkan() : undefined;
if (restarted !== undefined) process.exit(restarted);
const target = webgpu ? await gpuTarget() : cpuTarget(Number(options.threads), chooseLanes(options.lanes === "wide" ? "wide" : "plain"));
const names = options.network === "all" ? NETWORKS.map((n) => n.name) : options.network.split(",");
const variants = allVariants(target.halves).filter((v) => options.variant === undefined || v.name === "O2" || options.variant.split(",").includes(v.name));
const all: (Measurement & { readonly network: string; readonly scene: string })[] = [];

console.log(`Node ${process.version}, ${target.description}, ${options.runs} rounds`);
for (const name of names) {
  const network = NETWORKS.find((n) => n.name === name);
  if (network === undefined) throw new Error(`no network ${name}: ${NETWORKS.map((n) => n.name).join(", ")}`);
  const net = compileNetwork(network);
  const scenes = scenesOf(network, net, options.data, options.cloud, (line) => console.log(line));
  for (const whole of options["all-clouds"] ? scenes : scenes.slice(0, 1)) {
    const scene = partOf(whole, Number(options.sites));
    const { rows, same } = await measure(target, net, scene, variants, Number(options.runs));
    row(`${name}, ${scene.name}, ${scene.rows} sites`, "ms", "× O2", "quartiles", "dispatches", "searches", "MB moved", "× O2", "rows/pair", "MFLOP", "peak MiB", "× least");
    for (const m of rows) {
      const { counts, ratio } = m;
      row(
        `  ${m.variant}`, m.ms.toFixed(1), ratio[1].toFixed(2), `${ratio[0].toFixed(2)}-${ratio[2].toFixed(2)}`, String(m.dispatches), String(counts.searches), (counts.bytes / 1e6).toFixed(1),
        (counts.bytes / rows[0]!.counts.bytes).toFixed(2), (counts.multiplied / counts.pairs).toFixed(2), ((2 * counts.macs) / 1e6).toFixed(0), (m.plannedBytes / 2 ** 20).toFixed(1), m.peak.toFixed(3),
      );
      all.push({ network: name, scene: scene.name, ...m });
    }
    if (same.length > 0) console.log(`  no effect here: ${same.join(", ")}`);
  }
}
target.close();
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ node: process.version, target: target.description, figures: all }, null, 2)}\n`);
