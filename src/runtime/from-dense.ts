import { SpnetError } from "./errors.ts";

/** A dense tensor of the host. */
export interface DenseInput {
  /** [batch, channels, …extents] by `channels_first`, [batch, …extents, channels] by `channels_last`; 1 to 4 extents. */
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly layout?: "channels_first" | "channels_last";
  /** What a cell holds that is not active, one number or one per channel; default 0. As `ground=` of the network's sites. */
  readonly ground?: number | readonly number[];
}

/**
 * The sites of a dense tensor where any channel differs from the ground, sorted by batch, then axes, with their features:
 * what an input takes. The ground is rounded to the tensor's numbers where they are float32; NaN differs from every
 * number. SP0871 when shape, data and ground do not fit each other.
 */
export function fromDense({ shape, data, layout = "channels_first", ground = 0 }: DenseInput): { readonly coords: Int32Array<ArrayBuffer>; readonly features: Float32Array<ArrayBuffer> } {
  const volume = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
  const fits = shape.length >= 3 && shape.length <= 6 && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!fits || volume(shape) !== data.length) {
    throw new SpnetError("SP0871", `a dense tensor of shape [${shape.join(", ")}] cannot have ${data.length} numbers: it is [batch, channels, extents…] with 1 to 4 extents, or the channels last`, { shape, length: data.length });
  }
  const last = layout === "channels_last";
  const [batch, channels] = [shape[0]!, last ? shape.at(-1)! : shape[1]!];
  const given = typeof ground === "number" ? Array.from({ length: channels }, () => ground) : ground;
  if (given.length !== channels) throw new SpnetError("SP0871", `a ground of ${given.length} numbers is given for ${channels} channels`, { shape, ground });
  const inactive = data instanceof Float32Array ? Float32Array.from(given) : given;
  const extents = last ? shape.slice(1, -1) : shape.slice(2);
  const cells = volume(extents);
  const [perCell, perChannel] = last ? [channels, 1] : [1, cells];
  const coords: number[] = [];
  const features: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let cell = 0; cell < cells; cell++) {
      const at = b * cells * channels + cell * perCell;
      const row = Array.from({ length: channels }, (_, c) => data[at + c * perChannel]!);
      if (row.every((v, c) => v === inactive[c])) continue;
      const site = extents.map(() => 0);
      for (let a = extents.length - 1, rest = cell; a >= 0; rest = Math.floor(rest / extents[a]!), a--) site[a] = rest % extents[a]!;
      coords.push(b, ...site);
      features.push(...row);
    }
  }
  return { coords: Int32Array.from(coords), features: Float32Array.from(features) };
}
