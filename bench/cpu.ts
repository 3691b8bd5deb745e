/**
 * The CPU target against the fastest native systems, on the clouds of the shared folder:
 * `npm run bench:cpu [-- --threads N --lanes wide|plain --arithmetic strict|fused --only PART --data DIR --json FILE]`, PART some of peak, layers,
 * map, networks, steps, threads (one against two), scale (100,000 sites against a million). Medians; the register-only peak of the same run says how fast the machine is.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../src/cli/version.ts";
import { setJoining } from "../src/runtime/cpu/lanes.ts";
import { measurePeak } from "./cpu/peak.ts";
import { streets } from "./cpu/streets.ts";
import { exampleText, layerText, median, netOf, openNet, randomFeatures, type Cloud } from "./cpu/subject.ts";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    lanes: { type: "string", default: "auto" },
    only: { type: "string", default: "peak,layers,map,networks" },
    data: { type: "string", default: join(packageRoot(), "..", "shared", "data", "bench") },
    cloud: { type: "string" },
    arithmetic: { type: "string", default: "strict" },
    runs: { type: "string", default: "7" },
    json: { type: "string" },
  },
});

const threads = Number(options.threads);
const lanes = options.lanes === "wide" || options.lanes === "plain" ? options.lanes : "auto";
const arithmetic = options.arithmetic === "fused" ? "fused" : "strict";
const runs = Number(options.runs);
const parts = new Set(options.only.split(","));
const figures: Record<string, unknown>[] = [];

interface Native {
  readonly timings: readonly { readonly workload: string; readonly threads: number; readonly system: string; readonly total_ms: number; readonly compute_ms: number; readonly map_ms?: number }[];
}

const native: Native = existsSync(join(options.data, "native.json")) ? (JSON.parse(readFileSync(join(options.data, "native.json"), "utf8")) as Native) : { timings: [] };

function nativeBest(workload: string, of: "total_ms" | "compute_ms" | "map_ms"): number | undefined {
  const times = native.timings.filter((t) => t.workload === workload && t.threads === threads).flatMap((t) => t[of] ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function readCloud(name: string): Cloud {
  const bytes = readFileSync(join(options.data, `${name}.i32`));
  const coords = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { name, rows: coords.length / 4, coords };
}

/** Columns b, x, y, z as b, z, y, x. */
function reversed(cloud: Cloud): Cloud {
  const coords = cloud.coords.map((_, i) => cloud.coords[i % 4 === 0 ? i : i - (i % 4) + 4 - (i % 4)]!);
  return { ...cloud, coords };
}

async function timed(count: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < count + 3; i++) {
    const start = performance.now();
    await work();
    if (i >= 3) times.push(performance.now() - start);
  }
  return times;
}

/** Milliseconds of one submanifold layer, features only. */
async function layerRun(cloud: Cloud, channels: number, count: number): Promise<{ readonly ms: number; readonly pairs: number }> {
  const net = await openNet(netOf(layerText(channels)), { threads: count, lanes }, "O2", arithmetic);
  const scene = await net.prepare({ v: cloud.coords });
  const features = { v: randomFeatures(cloud.rows, channels) };
  const spent: number[] = [];
  for (let i = 0; i < runs + 4; i++) {
    const { steps } = await scene.profile(features);
    if (i >= 4) spent.push(steps[0]!.milliseconds);
  }
  net.dispose();
  return { ms: median(spent), pairs: scene.report.rulebooks[0]!.pairs };
}

const layerTime = async (cloud: Cloud, channels: number, count: number): Promise<number> => (await layerRun(cloud, channels, count)).ms;

const row = (...cells: readonly string[]): void => console.log(cells.map((c, i) => (i === 0 ? c.padEnd(34) : c.padStart(13))).join(" "));
const times = (ours: number, theirs: number | undefined): string => (theirs === undefined ? "" : `${(theirs / ours).toFixed(2)}x`);

setJoining(lanes === "wide");
console.log(`Node ${process.version}, ${threads} threads, ${lanes} lanes, ${arithmetic} arithmetic, medians of ${runs} runs`);
let peak = 0;
if (parts.has("peak")) {
  peak = await measurePeak(threads, lanes === "wide" ? "wide" : "plain");
  row("products and sums in registers", `${peak.toFixed(1)} GFLOP/s`);
  figures.push({ peak });
}

if (parts.has("layers")) {
  const cloud = readCloud("indoor100k");
  row("subm 3³ on indoor100k", "GFLOP/s", "of peak", "native", "faster");
  for (const channels of [16, 32, 64, 128]) {
    const { ms, pairs } = await layerRun(cloud, channels, threads);
    const gflops = (2 * pairs * channels * channels) / 1e6 / ms;
    const best = nativeBest(`subm:indoor100k:${channels}`, "compute_ms");
    row(`  ${channels} → ${channels}, ${ms.toFixed(1)} ms`, gflops.toFixed(1), peak > 0 ? `${((100 * gflops) / peak).toFixed(0)} %` : "", best === undefined ? "" : `${best} ms`, times(ms, best));
    figures.push({ layer: channels, ms, gflops });
  }
}

if (parts.has("map")) {
  row("map of subm 3³, from rows to lists", "ms", "", "native", "faster");
  for (const name of ["indoor100k", "indoor100k_shuffled"]) {
    const cloud = readCloud(name);
    const net = await openNet(netOf(layerText(16)), { threads, lanes }, "O2", arithmetic);
    const ms = median(await timed(runs * 3, async () => (await net.prepare({ v: cloud.coords })).dispose()));
    const best = nativeBest("subm:indoor100k:16", "map_ms");
    row(`  ${name}`, ms.toFixed(2), "", best === undefined ? "" : `${best} ms`, times(ms, best));
    figures.push({ map: name, ms });
    net.dispose();
  }
}

const networks = [
  { id: "vbb", name: "VoxelBackBone8x", text: () => exampleText("second", ['output bev : dense[256, 200, 176] = y |> to_dense(fold="z")', "output out = y"]), input: "voxels", channels: 4, clouds: ["kitti50k", "kitti100k"], read: reversed },
  { id: "unet", name: "MinkUNet18", text: () => exampleText("minkunet18"), input: "points", channels: 3, clouds: ["indoor50k", "indoor100k"], read: (c: Cloud): Cloud => c },
];

if (parts.has("networks") || parts.has("steps")) {
  row("networks, end to end", "ms", "geometry", "native", "faster");
  for (const { id, name, text, input, channels, clouds, read } of networks) {
    const net = await openNet(netOf(text()), { threads, lanes }, "O2", arithmetic);
    for (const file of clouds) {
      if (options.cloud !== undefined && options.cloud !== file) continue;
      const cloud = read(readCloud(file));
      const features = randomFeatures(cloud.rows, channels);
      const ms = median(await timed(runs, () => net.run({ [input]: { coords: cloud.coords, features } })));
      const prepare = median(await timed(runs, async () => (await net.prepare({ [input]: cloud.coords })).dispose()));
      const best = nativeBest(`${id}:${file}`, "total_ms");
      row(`  ${name}, ${file}`, ms.toFixed(1), prepare.toFixed(1), best === undefined ? "" : `${best} ms`, times(ms, best));
      figures.push({ network: name, cloud: file, ms, prepare });
      if (!parts.has("steps")) continue;
      const scene = await net.prepare({ [input]: cloud.coords });
      const { steps } = await scene.profile({ [input]: features });
      for (const s of steps) row(`    ${s.kernel.slice(0, 40)}`, s.milliseconds.toFixed(2), `${s.rows}`, `${s.pairs}`, `${((2 * s.macs) / 1e6 / s.milliseconds).toFixed(1)} GF`);
      scene.dispose();
    }
    net.dispose();
  }
}

if (parts.has("threads")) {
  row("two threads against one", "one", "two", "faster", "registers");
  const joined = lanes === "wide" ? "wide" : "plain";
  const [one, two] = [await measurePeak(1, joined), await measurePeak(2, joined)];
  const cloud = readCloud("indoor100k");
  for (const channels of [16, 32, 64, 128]) {
    const ms: number[] = [];
    for (const count of [1, 2]) ms.push(await layerTime(cloud, channels, count));
    row(`  subm 3³, ${channels} → ${channels}`, `${ms[0]!.toFixed(1)} ms`, `${ms[1]!.toFixed(1)} ms`, `${(ms[0]! / ms[1]!).toFixed(2)}x`, `${(two / one).toFixed(2)}x`);
    figures.push({ threads: 2, channels, ms, peaks: [one, two] });
  }
}

if (parts.has("scale")) {
  row("a million sites against 100,000", "100k", "1M", "per pair");
  const clouds = [streets(100_000), streets(1_000_000)];
  const net = await openNet(netOf(layerText(32)), { threads, lanes }, "O2", arithmetic);
  const maps: number[] = [];
  const layers: number[] = [];
  for (const cloud of clouds) {
    const scene = await net.prepare({ v: cloud.coords });
    const { pairs } = scene.report.rulebooks[0]!;
    scene.dispose();
    maps.push((1e6 * median(await timed(5, async () => (await net.prepare({ v: cloud.coords })).dispose()))) / pairs);
    layers.push((1e6 * (await layerTime(cloud, 32, threads))) / pairs);
  }
  for (const [name, [small, large]] of [["map", maps], ["layer, 32 → 32", layers]] as const) {
    row(`  ${name}, ns per pair`, small!.toFixed(2), large!.toFixed(2), `${(large! / small!).toFixed(2)}x`);
    figures.push({ scale: name, nanosecondsPerPair: [small, large] });
  }
  net.dispose();
}

if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ node: process.version, threads, lanes, figures }, null, 2)}\n`);
