/**
 * The feature phase on a GPU: sites, rulebooks, inputs and outputs stay on the device. `npm run bench:gpu -- OPTIONS`:
 *
 *   --network NAME,…   small, medium and large (the default) on made-up tracks beside published figures, or any of `npm run bench`
 *   --variant NAME,…   (default: O2, and f16 storage where the GPU has it)
 *   --rows N           only scenes of this many rows
 *   --cloud NAME  --data DIR  --runs N  --steps  --tiles  --seconds N  --json FILE
 *   --words W,…        of --tiles: only those whose text has one of these, as "4 × 4 packed"
 *
 * Milliseconds, medians of rounds in which the variants take turns. --steps prints every kernel by the device's
 * clock; --tiles tries every tile of every kind of convolution instead, for at most --seconds a scene.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { restartWithVulkan } from "../src/cli/adapter.ts";
import { inputSpecs } from "../src/cli/files/scene.ts";
import { runPipeline } from "../src/passes/manager.ts";
import { packageRoot } from "../src/cli/version.ts";
import { compileNetwork, NETWORKS } from "./ablation/networks.ts";
import { scenesOf, type BenchScene } from "./ablation/scenes.ts";
import { gpuTarget } from "./ablation/targets.ts";
import { allVariants } from "./ablation/variants.ts";
import { row } from "./cpu/context.ts";
import { ANCHORS, type Anchor } from "./gpu/anchors.ts";
import { emptySubmit, measureFeatures, type FeatureTimes } from "./gpu/measure.ts";
import { tracks } from "./gpu/scenes.ts";
import { printTiles, timeTiles, type TileTime } from "./gpu/tiles.ts";

const { values: options } = parseArgs({
  options: {
    network: { type: "string", default: "small,medium,large" },
    variant: { type: "string", default: "O2,f16 storage" },
    rows: { type: "string" },
    cloud: { type: "string" },
    data: { type: "string", default: join(packageRoot(), "..", "shared", "data", "bench") },
    runs: { type: "string", default: "15" },
    steps: { type: "boolean", default: false },
    tiles: { type: "boolean", default: false },
    words: { type: "string", default: "" },
    seconds: { type: "string", default: "600" },
    json: { type: "string" },
  },
});

const restarted = await restartWithVulkan();
if (restarted !== undefined) process.exit(restarted);
const target = await gpuTarget();
const wanted = options.variant.split(",");
const variants = allVariants(target.halves).filter((v) => wanted.includes(v.name));
if (variants.length === 0) throw new Error(`no variant ${options.variant}: ${allVariants(target.halves).map((v) => v.name).join(", ")}`);
const figures: (FeatureTimes & { readonly network: string; readonly scene: string; readonly rows: number })[] = [];
const tiles: { readonly network: string; readonly scene: string; readonly times: readonly TileTime[] }[] = [];

console.log(`Node ${process.version}, ${target.description}, medians of ${options.runs}`);
row("an empty submit", (await emptySubmit(target)).toFixed(3));
for (const name of options.network.split(",")) {
  const network = NETWORKS.find((n) => n.name === name);
  if (network === undefined) throw new Error(`no network ${name}: ${NETWORKS.map((n) => n.name).join(", ")}`);
  const net = compileNetwork(network);
  const anchors = ANCHORS.filter((a) => a.network === name);
  const input = inputSpecs(net)[0]!.name;
  const scenes: readonly (readonly [BenchScene, Anchor | undefined])[] = anchors.length > 0
    ? anchors.map((a) => [tracks(input, a.rows, a.batch), a])
    : scenesOf(network, net, options.data, options.cloud, (line) => console.log(line)).slice(0, 1).map((s) => [s, undefined]);
  for (const [scene, anchor] of scenes) {
    if (options.rows !== undefined && Number(options.rows) !== scene.rows) continue;
    if (options.tiles) {
      console.log(`${name}, ${scene.name}, ${scene.rows} sites`);
      const times = await timeTiles(target, target.lower(runPipeline(net, variants[0]!.pipeline).module, variants[0]!), net, scene, Number(options.runs), Number(options.seconds), options.words.split(","));
      printTiles(times);
      tiles.push({ network: name, scene: scene.name, times });
      continue;
    }
    row(`${name}, ${scene.name}, ${scene.rows} sites`, "latency", "back to back", "kernels", "prepare", "dispatches", "pairs", "GFLOP/s");
    for (const m of await measureFeatures(target, net, scene, variants, Number(options.runs))) {
      const ms = (v: number): string => v.toFixed(3);
      row(`  ${m.variant}`, ms(m.latency), ms(m.throughput), ms(m.kernels), ms(m.prepare), String(m.dispatches), String(m.pairs), ((2 * m.macs) / m.kernels / 1e6).toFixed(0));
      if (options.steps) for (const s of m.steps) row(`    ${s.kernel.slice(0, 38)}`, ms(s.milliseconds), "", String(s.rows), String(s.pairs), ((2 * s.macs) / s.milliseconds / 1e6).toFixed(0));
      figures.push({ network: name, scene: scene.name, rows: scene.rows, ...m });
    }
    if (anchor !== undefined) row("  published, H200", ...Object.entries(anchor.published).map(([system, value]) => `${system} ${value}`));
  }
}
target.close();
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ node: process.version, target: target.description, figures, tiles }, null, 2)}\n`);
