/**
 * On-chip pairs on WebGPU: by channels, halo rows on chip (a tile's size) and how dense the sites are, the time of two
 * submanifold convolutions as two kernels over their time as one. `npm run bench:pairs -- OPTIONS`:
 *
 *   --channels N,…     (default 4,8,16,32,64)
 *   --capacity N,…     halo rows on chip at most (default 32,64,128)
 *   --scene KIND,…     tracks, lidar, room (default all)
 *   --sites N          rows of a scene at most, those of the first planes of x (default 4000)
 *   --storage f16      rows between in float16, on chip too: twice as many fit
 *   --limits desktop   32 KiB of workgroup memory instead of 16
 *   --runs N  --json FILE
 *
 * Above 1 the pair is faster. `+` stands where the cost model would choose it. Times are end to end, halo tables included;
 * both take turns, and what is printed is the median of the quotients of the rounds.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { restartWithVulkan } from "../src/cli/adapter.ts";
import { inputSpecs } from "../src/cli/files/scene.ts";
import { madeUpInput, type SceneKind } from "../src/cli/scan/made-up.ts";
import { compileSource } from "../src/ir/from-source.ts";
import type { Module } from "../src/ir/module.ts";
import { parsePipeline } from "../src/passes/pipeline.ts";
import { DESKTOP_WORKGROUP_BYTES } from "../src/codegen/wgsl/kernels/shape.ts";
import { presets } from "../src/passes/presets.ts";
import { measure } from "./ablation/measure.ts";
import type { BenchScene } from "./ablation/scenes.ts";
import { gpuTarget } from "./ablation/targets.ts";
import type { Variant } from "./ablation/variants.ts";
import { row } from "./cpu/context.ts";

const { values: options } = parseArgs({
  options: {
    channels: { type: "string", default: "4,8,16,32,64" },
    capacity: { type: "string", default: "32,64,128" },
    scene: { type: "string", default: "tracks,lidar,room" },
    sites: { type: "string", default: "4000" },
    storage: { type: "string", default: "f32" },
    limits: { type: "string", default: "portable" },
    runs: { type: "string", default: "9" },
    json: { type: "string" },
  },
});

const restarted = await restartWithVulkan();
if (restarted !== undefined) process.exit(restarted);

const half = options.storage === "f16";
const desktop = options.limits === "desktop";
const room = `${half ? ",numbers=f16" : ""}${desktop ? `,bytes=${DESKTOP_WORKGROUP_BYTES}` : ""}`;
const capacities = options.capacity.split(",").map(Number);
const text = (channels: number): string => `spnet 1
export net Pair {
  sites S : (z, y, x)
  input v : feat[S, ${channels}]
  output out = v |> subm(${channels}, k=3, w="a") |> relu |> subm(${channels}, k=3, w="b")
}
`;

function netOf(channels: number): Module {
  const { module, diagnostics } = compileSource("pair.spnet", { readFile: () => text(channels) });
  if (module === undefined) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return module;
}

function variant(name: string, pairs: string): Variant {
  const { pipeline } = parsePipeline(presets.O2.replace("fuse-pairs", pairs));
  if (pipeline === undefined) throw new Error(`${name} is no pipeline`);
  return { name, pipeline, ...(half ? { half: true as const } : {}) };
}

/** Rows of the first planes of a made-up scene: neighbours stay together. */
function sceneOf(kind: SceneKind, net: Module): BenchScene {
  const spec = inputSpecs(net)[0]!;
  const { rows: all, coords, features } = madeUpInput(kind, 1, spec);
  const rows = Math.min(all, Number(options.sites));
  const order = Array.from({ length: all }, (_, r) => r).sort((a, b) => Number(coords[4 * a + 3]) - Number(coords[4 * b + 3])).slice(0, rows);
  return {
    name: kind, input: spec.name, rows,
    coords: Int32Array.from({ length: 4 * rows }, (_, i) => coords[4 * order[i >> 2]! + (i & 3)]!),
    features: Float32Array.from({ length: rows * spec.channels }, (_, i) => features[order[Math.floor(i / spec.channels)]! * spec.channels + (i % spec.channels)]!),
  };
}

const target = await gpuTarget(desktop ? { maxComputeWorkgroupStorageSize: DESKTOP_WORKGROUP_BYTES } : {});
if (half && !target.halves) throw new Error(`${target.description} has no shader-f16`);
const figures: Readonly<Record<string, unknown>>[] = [];
console.log(`Node ${process.version}, ${target.description}, ${options.runs} rounds`);
for (const kind of options.scene.split(",") as SceneKind[]) {
  row(`${kind}: time of two kernels over the pair's`, "pairs/row", ...capacities.map((n) => `${n} rows`));
  for (const channels of options.channels.split(",").map(Number)) {
    const net = netOf(channels);
    const scene = sceneOf(kind, net);
    const variants = [variant("two kernels", "fuse-pairs"), variant("model", `fuse-pairs{pairs=model${room}}`), ...capacities.map((n) => variant(String(n), `fuse-pairs{pairs=always,capacity=${n}${room}}`))];
    const { rows, same } = await measure(target, net, scene, variants, Number(options.runs));
    const density = rows[0]!.counts.pairs / rows[0]!.counts.steps.length / scene.rows;
    const gains = capacities.map((n) => rows.find((r) => r.variant === String(n))?.ratio.map((r) => 1 / r));
    const chosen = !same.includes("model");
    row(`  ${channels} channels, ${scene.rows} sites`, density.toFixed(1), ...gains.map((g) => (g === undefined ? "as two" : `${g[1]!.toFixed(2)}x${chosen ? "+" : ""}`)));
    figures.push({ scene: kind, channels, sites: scene.rows, density, chosen, gains: Object.fromEntries(capacities.map((n, i) => [n, gains[i]])) });
  }
}
target.close();
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ node: process.version, target: target.description, figures }, null, 2)}\n`);
