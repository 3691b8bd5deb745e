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

/** torch.nn.ConvTranspose2d with a weight [Cin, Cout / groups, kh, kw]: every input cell adds a kernel to the output. */
export function deconv2d(x: Image, weight: ArrayLike<number>, cout: number, { k, s, p, d }: DenseGeometry, bias?: ArrayLike<number>, added: readonly [number, number] = [0, 0], groups = 1): Image {
  const [n, cin, h, w] = x.shape;
  const out = (size: number, a: 0 | 1): number => (size - 1) * s[a] - 2 * p[a] + d[a] * (k[a] - 1) + added[a] + 1;
  const y = image(n, cout, out(h, 0), out(w, 1));
  const [oh, ow] = [y.shape[2], y.shape[3]];
  const writes = cout / groups;
  if (bias !== undefined) y.data.forEach((_, i) => (y.data[i] = bias[Math.floor(i / (oh * ow)) % cout]!));
  for (let b = 0; b < n; b++) {
    for (let i = 0; i < cin; i++) {
      for (let iy = 0; iy < h; iy++) {
        for (let ix = 0; ix < w; ix++) {
          for (let o = 0; o < writes; o++) {
            for (let ky = 0; ky < k[0]; ky++) {
              for (let kx = 0; kx < k[1]; kx++) {
                const [oy, ox] = [iy * s[0] - p[0] + ky * d[0], ix * s[1] - p[1] + kx * d[1]];
                if (oy < 0 || oy >= oh || ox < 0 || ox >= ow) continue;
                y.data[at(y, b, Math.floor((i * groups) / cin) * writes + o, oy, ox)]! += x.data[at(x, b, i, iy, ix)]! * weight[((i * writes + o) * k[0] + ky) * k[1] + kx]!;
              }
            }
          }
        }
      }
    }
  }
  return y;
}

/** torch.nn.MaxPool2d, AvgPool2d with count_include_pad, or without it; a window that holds no cell gives 0. */
export function pool2d(x: Image, by: "max" | "volume" | "count", { k, s, p, d }: DenseGeometry, ceil = false): Image {
  const [n, c, h, w] = x.shape;
  const out = (size: number, a: 0 | 1): number => {
    const places = (ceil ? Math.ceil : Math.floor)((size + 2 * p[a] - d[a] * (k[a] - 1) - 1) / s[a]) + 1;
    // A window that would begin in the padding behind is none.
    return ceil && (places - 1) * s[a] >= size + p[a] ? places - 1 : places;
  };
  const y = image(n, c, out(h, 0), out(w, 1));
  for (let b = 0; b < n; b++) {
    for (let channel = 0; channel < c; channel++) {
      for (let oy = 0; oy < y.shape[2]; oy++) {
        for (let ox = 0; ox < y.shape[3]; ox++) {
          const window: number[] = [];
          let cells = 0;
          for (let ky = 0; ky < k[0]; ky++) {
            for (let kx = 0; kx < k[1]; kx++) {
              const [iy, ix] = [oy * s[0] - p[0] + ky * d[0], ox * s[1] - p[1] + kx * d[1]];
              if (iy < h + p[0] && ix < w + p[1]) cells++;
              if (iy >= 0 && iy < h && ix >= 0 && ix < w) window.push(x.data[at(x, b, channel, iy, ix)]!);
            }
          }
          const over = by === "volume" ? cells : Math.max(window.length, 1);
          const value = by === "max" ? Math.max(...window) : window.reduce((sum, v) => sum + v, 0) / over;
          y.data[at(y, b, channel, oy, ox)] = window.length === 0 ? 0 : value;
        }
      }
    }
  }
  return y;
}

/** torch.nn.Upsample, mode nearest, of whole factors. */
export function nearest(x: Image, [fy, fx]: readonly [number, number]): Image {
  const [n, c, h, w] = x.shape;
  const y = image(n, c, h * fy, w * fx);
  y.data.forEach((_, i) => {
    const [plane, oy, ox] = [Math.floor(i / (h * fy * w * fx)), Math.floor(i / (w * fx)) % (h * fy), i % (w * fx)];
    y.data[i] = x.data[(plane * h + Math.floor(oy / fy)) * w + Math.floor(ox / fx)]!;
  });
  return y;
}

/** torch.nn.Upsample, mode bilinear, of whole factors. */
export function bilinear(x: Image, [fy, fx]: readonly [number, number], corners: boolean): Image {
  const [n, c, h, w] = x.shape;
  const y = image(n, c, h * fy, w * fx);
  const source = (o: number, size: number, out: number): readonly [low: number, high: number, share: number] => {
    const real = corners ? (out > 1 ? (o * (size - 1)) / (out - 1) : 0) : Math.max((size / out) * (o + 0.5) - 0.5, 0);
    const low = Math.floor(real);
    return [low, low + (low < size - 1 ? 1 : 0), real - low];
  };
  y.data.forEach((_, i) => {
    const [plane, oy, ox] = [Math.floor(i / (h * fy * w * fx)), Math.floor(i / (w * fx)) % (h * fy), i % (w * fx)];
    const [y0, y1, ly] = source(oy, h, h * fy);
    const [x0, x1, lx] = source(ox, w, w * fx);
    const cell = (iy: number, ix: number): number => x.data[(plane * h + iy) * w + ix]!;
    y.data[i] = (1 - ly) * ((1 - lx) * cell(y0, x0) + lx * cell(y0, x1)) + ly * ((1 - lx) * cell(y1, x0) + lx * cell(y1, x1));
  });
  return y;
}

/** torch.nn.GroupNorm, which with a group per channel is InstanceNorm2d. */
export function groupNorm(x: Image, groups: number, weight?: ArrayLike<number>, bias?: ArrayLike<number>, eps = 1e-5): Image {
  const [n, c, h, w] = x.shape;
  const size = (c / groups) * h * w;
  const data = new Float64Array(x.data.length);
  for (let g = 0; g < n * groups; g++) {
    const part = x.data.subarray(g * size, (g + 1) * size);
    const mean = part.reduce((sum, v) => sum + v, 0) / size;
    const variance = part.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size;
    part.forEach((v, i) => {
      const channel = (g % groups) * (c / groups) + Math.floor(i / (h * w));
      data[g * size + i] = ((v - mean) / Math.sqrt(variance + eps)) * (weight?.[channel] ?? 1) + (bias?.[channel] ?? 0);
    });
  }
  return { shape: x.shape, data };
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
