import { faster, median, milliseconds, row, timed, type Context } from "./context.ts";
import { measurePeak } from "./peak.ts";
import { streets } from "./streets.ts";
import { denseText, layerText, netOf, openNet, randomFeatures, type Cloud } from "./subject.ts";

const CHANNELS = [16, 32, 64, 128] as const;

interface LayerRun {
  readonly ms: number;
  /** Multiply-accumulates. */
  readonly macs: number;
  readonly pairs: number;
}

/** One step on a cloud, features only. */
async function runLayer(ctx: Context, text: string, cloud: Cloud, channels: number, threads = ctx.threads): Promise<LayerRun> {
  const net = await openNet(netOf(text), { threads, lanes: ctx.lanes }, ctx.arithmetic);
  const scene = await net.prepare({ v: cloud.coords });
  const features = { v: randomFeatures(cloud.rows, channels) };
  const spent: number[] = [];
  let macs = 0;
  for (let i = -4; i < ctx.runs; i++) {
    const { steps } = await scene.profile(features);
    macs = steps[0]!.macs;
    if (i >= 0) spent.push(steps[0]!.milliseconds);
  }
  net.dispose();
  return { ms: median(spent), macs, pairs: scene.report.rulebooks[0]?.pairs ?? 0 };
}

export async function benchLayers(ctx: Context): Promise<void> {
  const cloud = ctx.cloud("indoor100k");
  if (cloud === undefined) return;
  row("subm 3³ on indoor100k", "ms", "GFLOP/s", "of peak", "native", "faster");
  for (const channels of CHANNELS) {
    const { ms, macs } = await runLayer(ctx, layerText(channels), cloud, channels);
    const gflops = (2 * macs) / 1e6 / ms;
    const best = ctx.native(`subm:indoor100k:${channels}`, "compute_ms");
    row(`  ${channels} → ${channels}`, ms.toFixed(1), gflops.toFixed(1), ctx.ofPeak(gflops), milliseconds(best), faster(ms, best));
    ctx.figures.push({ layer: channels, ms, gflops });
  }
}

/** A dense product of the same register tile, as a reference for other machines. */
export async function benchDense(ctx: Context): Promise<void> {
  row("dense product", "ms", "GFLOP/s", "of peak");
  const cloud = streets(50_000);
  for (const channels of [128, 256]) {
    const { ms, macs } = await runLayer(ctx, denseText(channels), cloud, channels);
    const gflops = (2 * macs) / 1e6 / ms;
    row(`  50,000 × ${channels} by ${channels} × ${channels}`, ms.toFixed(1), gflops.toFixed(1), ctx.ofPeak(gflops));
    ctx.figures.push({ dense: channels, ms, gflops });
  }
}

export async function benchMap(ctx: Context): Promise<void> {
  row("map of subm 3³, from rows to pair lists", "ms", "native", "faster");
  for (const name of ["indoor100k", "indoor100k_shuffled"]) {
    const cloud = ctx.cloud(name);
    if (cloud === undefined) continue;
    const net = await openNet(netOf(layerText(16)), { threads: ctx.threads, lanes: ctx.lanes }, ctx.arithmetic);
    const ms = median(await timed(3 * ctx.runs, async () => (await net.prepare({ v: cloud.coords })).dispose()));
    const best = ctx.native("subm:indoor100k:16", "map_ms");
    row(`  ${name}`, ms.toFixed(2), milliseconds(best), faster(ms, best));
    ctx.figures.push({ map: name, ms });
    net.dispose();
  }
}

/** One thread against two, beside the same for the register-only kernel. */
export async function benchThreads(ctx: Context): Promise<void> {
  const cloud = ctx.cloud("indoor100k");
  if (cloud === undefined) return;
  row("two threads against one", "one", "two", "faster", "registers", "of that");
  for (const channels of CHANNELS) {
    const peaks = [await measurePeak(1, ctx.lanes), await measurePeak(2, ctx.lanes)];
    const ms: number[] = [];
    for (const threads of [1, 2]) ms.push((await runLayer(ctx, layerText(channels), cloud, channels, threads)).ms);
    const [ours, theirs] = [ms[0]! / ms[1]!, peaks[1]! / peaks[0]!];
    row(`  subm 3³, ${channels} → ${channels}`, milliseconds(ms[0]), milliseconds(ms[1]), `${ours.toFixed(2)}x`, `${theirs.toFixed(2)}x`, (ours / theirs).toFixed(2));
    ctx.figures.push({ scaling: channels, ms, peaks });
  }
}

/** Time per pair of simulated streets, 100,000 sites against a million. */
export async function benchScale(ctx: Context): Promise<void> {
  row("a million sites against 100,000, ns per pair", "100k", "1M", "ratio");
  const parts = { map: [] as number[], layer: [] as number[] };
  for (const rows of [100_000, 1_000_000]) {
    const cloud = streets(rows);
    const net = await openNet(netOf(layerText(32)), { threads: ctx.threads, lanes: ctx.lanes }, ctx.arithmetic);
    const ms = median(await timed(5, async () => (await net.prepare({ v: cloud.coords })).dispose()));
    net.dispose();
    const layer = await runLayer(ctx, layerText(32), cloud, 32);
    parts.map.push((1e6 * ms) / layer.pairs);
    parts.layer.push((1e6 * layer.ms) / layer.pairs);
  }
  const both = parts.map.map((ns, i) => ns + parts.layer[i]!);
  for (const [name, [small, large]] of [["map", parts.map], ["layer, 32 → 32", parts.layer], ["both", both]] as const) {
    row(`  ${name}`, small!.toFixed(1), large!.toFixed(1), `${(large! / small!).toFixed(2)}x`);
    ctx.figures.push({ scale: name, nanosecondsPerPair: [small, large] });
  }
}
