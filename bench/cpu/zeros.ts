import { presets } from "../../src/passes/presets.ts";
import { median, row, type Context } from "./context.ts";
import { netOf, openNet, randomFeatures, reluLayerText, type AnyCpuNetwork } from "./subject.ts";

/** Parts of a layer's input that are not zero. */
const DENSITIES = [1, 0.9, 0.8, 0.7, 0.5, 0.3] as const;

/**
 * What leaving out products with zeros is worth: one submanifold layer after a relu with `skip-zeros` and without it,
 * turn about, by channels and by how many numbers are not zero.
 */
export async function benchZeros(ctx: Context): Promise<void> {
  const cloud = ctx.cloud("indoor50k");
  if (cloud === undefined) return;
  row("products with zeros left out, by part that is there", ...DENSITIES.map(String));
  for (const channels of [32, 48, 64, 128]) {
    const net = netOf(reluLayerText(channels));
    const open = (pass: string): Promise<AnyCpuNetwork> => openNet(net, { threads: ctx.threads, lanes: ctx.lanes }, ctx.arithmetic, presets.O2.replace("skip-zeros,", pass));
    const nets = [await open(""), await open("skip-zeros,")];
    const scenes = await Promise.all(nets.map((n) => n.prepare({ v: cloud.coords })));
    const gains: number[] = [];
    for (const density of DENSITIES) {
      const features = { v: randomFeatures(cloud.rows, channels, density) };
      const ratios: number[] = [];
      for (let i = -2; i < ctx.runs; i++) {
        const spent: number[] = [];
        for (const scene of scenes) spent.push((await scene.profile(features)).steps.find((s) => s.macs > 0)!.milliseconds);
        if (i >= 0) ratios.push(spent[0]! / spent[1]!);
      }
      gains.push(median(ratios));
    }
    nets.forEach((n) => n.dispose());
    row(`  subm 3³, ${channels} → ${channels}, times as fast`, ...gains.map((g) => `${g.toFixed(2)}x`));
    ctx.figures.push({ zeros: channels, densities: DENSITIES, gains });
  }
}
