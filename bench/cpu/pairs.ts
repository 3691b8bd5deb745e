import { median, row, type Context } from "./context.ts";
import { layerText, netOf, openNet, randomFeatures, type AnyCpuNetwork, type Cloud } from "./subject.ts";

/** Sites whose rows, in and out, stay in a second-level cache of 2 MiB at 64 channels. */
const SMALL = 4000;
const TILES = [64, 256, 1024, 4096] as const;

/**
 * What on-chip pairs of submanifold convolutions could win on a CPU, and what they would cost.
 *
 * At most they save what rows between two layers cost in memory traffic. So the same layer is timed on a cloud so small
 * that its rows never leave the cache, turn about with the whole cloud: no pair is faster per product than that. What a
 * tile computes twice is counted: the rows that its rows read, over its rows.
 */
export async function benchPairs(ctx: Context): Promise<void> {
  const cloud = ctx.cloud("indoor100k");
  if (cloud === undefined) return;
  const sorted = sortRows(cloud);
  const small = { ...sorted, rows: SMALL, coords: sorted.coords.slice(0, SMALL * 4) };
  row("on-chip pairs, subm 3³ on indoor100k", "GFLOP/s", "in cache", "at most");
  for (const channels of [16, 32, 64]) {
    const subjects = [await open(ctx, channels, sorted), await open(ctx, channels, small)];
    const spent = subjects.map((): number[] => []);
    for (let i = -4; i < 3 * ctx.runs; i++) {
      for (const [k, subject] of subjects.entries()) {
        const { macs, milliseconds } = (await subject.scene.profile({ v: subject.features })).steps[0]!;
        if (i >= 0) spent[k]!.push((2 * macs) / 1e6 / milliseconds);
      }
    }
    subjects.forEach((s) => s.net.dispose());
    const [whole, cached] = spent.map(median);
    row(`  ${channels} → ${channels}`, whole!.toFixed(1), cached!.toFixed(1), `${(cached! / whole!).toFixed(2)}x`);
    ctx.figures.push({ pairs: channels, gflops: whole, cached });
  }
  row("  rows computed for one, by rows per tile", ...TILES.map(String));
  row("", ...TILES.map((tile) => `${haloFactor(sorted, tile).toFixed(2)}x`));
  ctx.figures.push({ halo: Object.fromEntries(TILES.map((tile) => [tile, haloFactor(sorted, tile)])) });
}

interface Subject {
  readonly net: AnyCpuNetwork;
  readonly scene: Awaited<ReturnType<AnyCpuNetwork["prepare"]>>;
  readonly features: Float32Array<ArrayBuffer>;
}

async function open(ctx: Context, channels: number, cloud: Cloud): Promise<Subject> {
  const net = await openNet(netOf(layerText(channels)), { threads: 1, lanes: ctx.lanes }, ctx.arithmetic);
  return { net, scene: await net.prepare({ v: cloud.coords }), features: randomFeatures(cloud.rows, channels) };
}

/** Rows as the CPU target has them inside: by batch, then axes. */
function sortRows(cloud: Cloud): Cloud {
  const { coords, rows } = cloud;
  const order = Array.from({ length: rows }, (_, i) => i);
  const compare = (a: number, b: number): number => {
    for (let c = 0; c < 4; c++) if (coords[4 * a + c] !== coords[4 * b + c]) return coords[4 * a + c]! - coords[4 * b + c]!;
    return 0;
  };
  order.sort(compare);
  return { ...cloud, coords: Int32Array.from({ length: 4 * rows }, (_, i) => coords[4 * order[i >> 2]! + (i & 3)]!) };
}

/** Rows that the 3³ neighbourhoods of a tile's rows name, over its rows, in the mean. */
function haloFactor({ coords, rows }: Cloud, tile: number): number {
  const key = (b: number, x: number, y: number, z: number): number => ((b * 2048 + x) * 2048 + y) * 2048 + z;
  const rowOf = new Map(Array.from({ length: rows }, (_, r) => [key(coords[4 * r]!, coords[4 * r + 1]!, coords[4 * r + 2]!, coords[4 * r + 3]!), r]));
  let read = 0;
  for (let first = 0; first < rows; first += tile) {
    const named = new Set<number>();
    for (let r = first; r < Math.min(rows, first + tile); r++) {
      const [b, x, y, z] = coords.subarray(4 * r, 4 * r + 4) as unknown as readonly [number, number, number, number];
      for (let n = 0; n < 27; n++) {
        const found = rowOf.get(key(b, x + Math.floor(n / 9) - 1, y + (Math.floor(n / 3) % 3) - 1, z + (n % 3) - 1));
        if (found !== undefined) named.add(found);
      }
    }
    read += named.size;
  }
  return read / rows;
}
