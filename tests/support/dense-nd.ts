/** torch.nn.Conv1d to Conv3d and ConvTranspose1d to 3d in loops over indices, for any number of axes. */
export interface Tensor {
  /** [N, C, …extents]. */
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface Sliding {
  readonly k: readonly number[];
  readonly s: readonly number[];
  readonly p: readonly number[];
  readonly d: readonly number[];
}

const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Every index of a shape, the last axis fastest. */
function* indices(shape: readonly number[]): Generator<readonly number[]> {
  for (let i = 0; i < volume(shape); i++) yield shape.map((n, a) => Math.floor(i / volume(shape.slice(a + 1))) % n);
}

const flat = (shape: readonly number[], index: readonly number[]): number => index.reduce((at, i, a) => at * shape[a]! + i, 0);

/** The weight is [Cout, Cin / groups, …k]. */
export function convNd(x: Tensor, weight: ArrayLike<number>, cout: number, { k, s, p, d }: Sliding, bias?: ArrayLike<number>, groups = 1): Tensor {
  const [n, cin, ...extents] = x.shape as readonly [number, number, ...number[]];
  const shape = [n, cout, ...extents.map((size, a) => Math.floor((size + 2 * p[a]! - d[a]! * (k[a]! - 1) - 1) / s[a]!) + 1)];
  const reads = cin / groups;
  const data = Float64Array.from(indices(shape), ([b, o, ...site]) => {
    let sum = bias?.[o!] ?? 0;
    for (const tap of indices(k)) {
      const cell = tap.map((r, a) => site[a]! * s[a]! - p[a]! + r * d[a]!);
      if (cell.some((c, a) => c < 0 || c >= extents[a]!)) continue;
      for (let i = 0; i < reads; i++) sum += x.data[flat(x.shape, [b!, Math.floor((o! * groups) / cout) * reads + i, ...cell])]! * weight[flat([cout, reads, ...k], [o!, i, ...tap])]!;
    }
    return sum;
  });
  return { shape, data };
}

/** The weight is [Cin, Cout / groups, …k]. */
export function deconvNd(x: Tensor, weight: ArrayLike<number>, cout: number, { k, s, p, d }: Sliding, bias?: ArrayLike<number>, added: readonly number[] = k.map(() => 0), groups = 1): Tensor {
  const [n, cin, ...extents] = x.shape as readonly [number, number, ...number[]];
  const shape = [n, cout, ...extents.map((size, a) => (size - 1) * s[a]! - 2 * p[a]! + d[a]! * (k[a]! - 1) + added[a]! + 1)];
  const writes = cout / groups;
  const data = Float64Array.from(indices(shape), ([, o]) => bias?.[o!] ?? 0);
  for (const [b, i, ...site] of indices(x.shape)) {
    for (const tap of indices(k)) {
      const cell = tap.map((r, a) => site[a]! * s[a]! - p[a]! + r * d[a]!);
      if (cell.some((c, a) => c < 0 || c >= shape[a + 2]!)) continue;
      for (let o = 0; o < writes; o++) data[flat(shape, [b!, Math.floor((i! * groups) / cin) * writes + o, ...cell])]! += x.data[flat(x.shape, [b!, i!, ...site])]! * weight[flat([cin, writes, ...k], [i!, o, ...tap])]!;
    }
  }
  return { shape, data };
}
