/** Dense layers as loops over [N, C, H, W], written after PyTorch's definitions. They share no code with spnet. */

/** A tensor [N, C, H, W], row-major. */
export interface Image {
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  readonly data: Float64Array;
}

export interface DenseGeometry {
  readonly k: readonly [number, number];
  readonly s: readonly [number, number];
  readonly p: readonly [number, number];
  readonly d: readonly [number, number];
}

export const image = (n: number, c: number, h: number, w: number): Image => ({ shape: [n, c, h, w], data: new Float64Array(n * c * h * w) });

const at = ({ shape: [, c, h, w] }: Image, b: number, channel: number, y: number, x: number): number => ((b * c + channel) * h + y) * w + x;

/** spconv's `.dense()` of sites (z, y, x) and its view as [N, C · D, H, W]: channel c at height z is channel c · D + z. */
export function collapsed(coords: ArrayLike<number>, features: ArrayLike<number>, channels: number, batch: number, [depth, h, w]: readonly [number, number, number]): Image {
  const y = image(batch, channels * depth, h, w);
  for (let row = 0; row * 4 < coords.length; row++) {
    const [b, cz, cy, cx] = [coords[row * 4]!, coords[row * 4 + 1]!, coords[row * 4 + 2]!, coords[row * 4 + 3]!];
    for (let c = 0; c < channels; c++) y.data[at(y, b, c * depth + cz, cy, cx)] = features[row * channels + c]!;
  }
  return y;
}

/** torch.nn.Conv2d with a weight [Cout, Cin / groups, kh, kw]. */
export function conv2d(x: Image, weight: ArrayLike<number>, cout: number, { k, s, p, d }: DenseGeometry, bias?: ArrayLike<number>, groups = 1): Image {
  const [n, cin, h, w] = x.shape;
  const out = (size: number, a: 0 | 1): number => Math.floor((size + 2 * p[a] - d[a] * (k[a] - 1) - 1) / s[a]) + 1;
  const y = image(n, cout, out(h, 0), out(w, 1));
  const reads = cin / groups;
  for (let b = 0; b < n; b++) {
    for (let o = 0; o < cout; o++) {
      const first = Math.floor(o / (cout / groups)) * reads;
      for (let oy = 0; oy < y.shape[2]; oy++) {
        for (let ox = 0; ox < y.shape[3]; ox++) {
          let sum = bias?.[o] ?? 0;
          for (let i = 0; i < reads; i++) {
            for (let ky = 0; ky < k[0]; ky++) {
              for (let kx = 0; kx < k[1]; kx++) {
                const [iy, ix] = [oy * s[0] - p[0] + ky * d[0], ox * s[1] - p[1] + kx * d[1]];
                if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
                sum += x.data[at(x, b, first + i, iy, ix)]! * weight[((o * reads + i) * k[0] + ky) * k[1] + kx]!;
              }
            }
          }
          y.data[at(y, b, o, oy, ox)] = sum;
        }
      }
    }
  }
  return y;
}

/** torch.nn.ConvTranspose2d with a weight [Cin, Cout, kh, kw]: every input cell adds a kernel to the output. */
export function deconv2d(x: Image, weight: ArrayLike<number>, cout: number, { k, s, p, d }: DenseGeometry, bias?: ArrayLike<number>, added: readonly [number, number] = [0, 0]): Image {
  const [n, cin, h, w] = x.shape;
  const out = (size: number, a: 0 | 1): number => (size - 1) * s[a] - 2 * p[a] + d[a] * (k[a] - 1) + added[a] + 1;
  const y = image(n, cout, out(h, 0), out(w, 1));
  const [oh, ow] = [y.shape[2], y.shape[3]];
  if (bias !== undefined) y.data.forEach((_, i) => (y.data[i] = bias[Math.floor(i / (oh * ow)) % cout]!));
  for (let b = 0; b < n; b++) {
    for (let i = 0; i < cin; i++) {
      for (let iy = 0; iy < h; iy++) {
        for (let ix = 0; ix < w; ix++) {
          for (let o = 0; o < cout; o++) {
            for (let ky = 0; ky < k[0]; ky++) {
              for (let kx = 0; kx < k[1]; kx++) {
                const [oy, ox] = [iy * s[0] - p[0] + ky * d[0], ix * s[1] - p[1] + kx * d[1]];
                if (oy < 0 || oy >= oh || ox < 0 || ox >= ow) continue;
                y.data[at(y, b, o, oy, ox)]! += x.data[at(x, b, i, iy, ix)]! * weight[((i * cout + o) * k[0] + ky) * k[1] + kx]!;
              }
            }
          }
        }
      }
    }
  }
  return y;
}

/** torch.nn.BatchNorm2d in evaluation, then ReLU. */
export function normRelu(x: Image, of: (part: string) => ArrayLike<number>, eps = 1e-5): Image {
  const [, c, h, w] = x.shape;
  const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(of) as [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>, ArrayLike<number>];
  const data = x.data.map((v, at) => {
    const i = Math.floor(at / (h * w)) % c;
    return Math.max(0, ((v - mean[i]!) / Math.sqrt(variance[i]! + eps)) * gamma[i]! + beta[i]!);
  });
  return { shape: x.shape, data };
}

/** torch.cat along the channels. */
export function concat(...parts: readonly Image[]): Image {
  const [n, , h, w] = parts[0]!.shape;
  const y = image(n, parts.reduce((sum, x) => sum + x.shape[1], 0), h, w);
  for (let b = 0; b < n; b++) {
    let first = 0;
    for (const x of parts) {
      const size = x.shape[1] * h * w;
      y.data.set(x.data.subarray(b * size, (b + 1) * size), at(y, b, first, 0, 0));
      first += x.shape[1];
    }
  }
  return y;
}
