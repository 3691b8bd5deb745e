import { faster, median, milliseconds, row, timed, type Context } from "./context.ts";
import { exampleText, netOf, openNet, randomFeatures, type AnyCpuNetwork, type Cloud } from "./subject.ts";

interface Subject {
  /** As `native.json` calls it. */
  readonly id: string;
  readonly name: string;
  readonly text: () => string;
  readonly input: string;
  readonly channels: number;
  readonly clouds: readonly string[];
  readonly read: (cloud: Cloud) => Cloud;
}

/** Columns b, x, y, z as b, z, y, x. */
const reversed = (cloud: Cloud): Cloud => ({ ...cloud, coords: cloud.coords.map((_, i) => cloud.coords[i % 4 === 0 ? i : i - (i % 4) + 4 - (i % 4)]!) });

// The native systems end with sparse rows: so does SECOND here.
const SUBJECTS: readonly Subject[] = [
  {
    id: "vbb", name: "VoxelBackBone8x", text: () => exampleText("second", ['output bev : dense[256, 200, 176] = y |> to_dense(fold="z")', "output out = y"]),
    input: "voxels", channels: 4, clouds: ["kitti50k", "kitti100k"], read: reversed,
  },
  { id: "unet", name: "MinkUNet18", text: () => exampleText("minkunet18"), input: "points", channels: 3, clouds: ["indoor50k", "indoor100k"], read: (cloud) => cloud },
];

/** Networks end to end: from rows and features to outputs, geometry included. With `steps` every step has a row. */
export async function benchNetworks(ctx: Context, steps: boolean, only: string | undefined): Promise<void> {
  row("networks, end to end", "ms", "geometry", "native", "faster", "peak MiB");
  for (const subject of SUBJECTS) {
    for (const file of subject.clouds) {
      if (only !== undefined && only !== file) continue;
      const found = ctx.cloud(file);
      if (found === undefined) continue;
      const net = await openNet(netOf(subject.text()), { threads: ctx.threads, lanes: ctx.lanes }, ctx.arithmetic);
      await benchNetwork(ctx, subject, net, subject.read(found), steps);
      net.dispose();
    }
  }
}

async function benchNetwork(ctx: Context, { id, name, input, channels }: Subject, net: AnyCpuNetwork, cloud: Cloud, steps: boolean): Promise<void> {
  const features = randomFeatures(cloud.rows, channels);
  const ms = median(await timed(ctx.runs, () => net.run({ [input]: { coords: cloud.coords, features } })));
  const geometry = median(await timed(ctx.runs, async () => (await net.prepare({ [input]: cloud.coords })).dispose()));
  const best = ctx.native(`${id}:${cloud.name}`, "total_ms");
  const peak = net.engine.heap.peak / 2 ** 20;
  row(`  ${name}, ${cloud.name}`, ms.toFixed(1), geometry.toFixed(1), milliseconds(best), faster(ms, best), peak.toFixed(0));
  ctx.figures.push({ network: name, cloud: cloud.name, ms, geometry, peakBytes: net.engine.heap.peak });
  if (!steps) return;
  const scene = await net.prepare({ [input]: cloud.coords });
  row("    step", "ms", "sites", "pairs", "GFLOP/s", "of peak");
  for (const s of (await scene.profile({ [input]: features })).steps) {
    const gflops = (2 * s.macs) / 1e6 / s.milliseconds;
    row(`    ${s.kernel.slice(0, 40)}`, s.milliseconds.toFixed(2), String(s.rows), String(s.pairs), gflops.toFixed(1), ctx.ofPeak(gflops));
    ctx.figures.push({ step: s.kernel, network: name, cloud: cloud.name, ms: s.milliseconds, sites: s.rows, pairs: s.pairs, gflops });
  }
  scene.dispose();
}
