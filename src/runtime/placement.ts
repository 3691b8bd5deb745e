/** WebGPU's default alignment of storage buffer offsets, bytes. */
export const ALIGNMENT = 256;

export const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** A buffer to place: its size and the steps, inclusive, between which it holds something. */
export interface Lifetime {
  readonly bytes: number;
  readonly live: readonly [first: number, last: number];
}

export interface Placement {
  /** Byte offset per buffer, aligned. */
  readonly offsets: readonly number[];
  /** Bytes of the arena. */
  readonly peak: number;
  /** The least any placement could need: the largest sum of bytes alive at one step, alignment left out. */
  readonly lowerBound: number;
}

/**
 * Places buffers in one arena so that no two that are alive at the same step overlap: largest first, each at the lowest
 * gap among those it meets. Source: Pisarchyk and Lee, “Efficient memory management for deep neural net inference”
 * (arXiv 2001.03288), greedy by size.
 */
export function placeBuffers(buffers: readonly Lifetime[]): Placement {
  const order = buffers.map((_, i) => i).sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes || a - b);
  const offsets = new Array<number>(buffers.length).fill(0);
  const placed: number[] = [];
  let peak = 0;
  for (const i of order) {
    const { bytes, live } = buffers[i]!;
    const meets = placed.filter((j) => buffers[j]!.live[0] <= live[1] && live[0] <= buffers[j]!.live[1]);
    meets.sort((a, b) => offsets[a]! - offsets[b]!);
    let at = 0;
    for (const j of meets) {
      if (at + align(bytes) <= offsets[j]!) break;
      at = Math.max(at, offsets[j]! + align(buffers[j]!.bytes));
    }
    offsets[i] = at;
    placed.push(i);
    peak = Math.max(peak, at + align(bytes));
  }
  return { offsets, peak, lowerBound: lowerBound(buffers) };
}

function lowerBound(buffers: readonly Lifetime[]): number {
  const change = new Map<number, number>();
  for (const { bytes, live } of buffers) {
    change.set(live[0], (change.get(live[0]) ?? 0) + bytes);
    change.set(live[1] + 1, (change.get(live[1] + 1) ?? 0) - bytes);
  }
  let now = 0;
  let most = 0;
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    now += change.get(step)!;
    most = Math.max(most, now);
  }
  return most;
}
