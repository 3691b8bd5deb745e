/** Random networks with a ground, as text. */
import { numbers } from "./source-net.ts";

export interface GroundNet {
  readonly text: string;
  readonly dim: number;
  readonly channels: number;
  readonly bounded: boolean;
}

const AXES = ["z", "y", "x"];
const ACTIVATIONS = ["relu", "tanh", "sigmoid", "leaky_relu(0.33)", "prelu", "prelu(per=channel)", "elu(alpha=0.7)", "softplus", "softplus(beta=2, threshold=9)", "gelu", "silu", "relu6", "gelu(approximate=tanh)"];

/** The extent of every axis of a bounded grid, by the number of axes. */
export const EXTENT = [0, 60, 26, 13];

/**
 * Two to six layers that lead from a field to a field without anything left out: convolutions and pools that reach, each
 * with biases, norms and activations around it, and what joins values of one grid.
 */
export function randomGroundNet(seed: number, dim: number, bounded: boolean): GroundNet {
  const random = numbers(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const channels = 1 + Math.floor(random() * 3);
  const layers: string[] = [];
  let [name, width, strided, count] = ["a", channels, 0, 0];
  const add = (text: string, c: number): void => {
    name = `v${++count}`;
    width = c;
    layers.push(`  let ${name} = ${text}`);
  };
  const zero = random() < 0.4;
  /** On a grid with a border only a zero ground may be padded: that of the input. */
  const padding = (k: number, convolves: boolean): number => (!bounded || (zero && convolves && layers.length === 0) ? Math.floor(random() * k) : 0);
  const most = dim === 3 ? 3 : 6;
  let extent = EXTENT[dim]!;
  const depth = 2 + Math.floor(random() * (most - 1));
  for (let layer = 0; layer < depth; layer++) {
    const w = `w="w${layer}"`;
    const k = pick([2, 3, 3]);
    const s = strided < (dim === 3 ? 1 : 2) && random() < 0.4 ? 2 : 1;
    const d = random() < 0.15 && s === 1 && dim < 3 ? 2 : 1;
    extent = Math.floor((extent - (k - 1) * d - 1) / s) + 1;
    if (bounded && extent < 2) break;
    if (s > 1) strided++;
    const c = 1 + Math.floor(random() * 5);
    const kind = random();
    const geometry = `k=${k}, s=${s}, p=${padding(k, kind < 0.62)}, sites=reach`;
    if (kind < 0.5) add(`${name} |> conv(${c}, ${geometry}, bias=${random() < 0.7}, d=${d}, ${w})`, c);
    else if (kind < 0.62) add(`${name} |> conv(${2 * width}, ${geometry}, groups=${width}, bias=true, ${w})`, 2 * width);
    else if (kind < 0.74) add(`${name} |> max_pool(${geometry})`, width);
    else if (kind < 0.82) add(`${name} |> avg_pool(${geometry})`, width);
    else if (kind < 0.87) add(`${name} |> sum_pool(${geometry})`, width);
    else if (kind < 0.93) add(`cat(${name}, ${name} |> linear(${c}, bias=true, ${w}) |> ${pick(ACTIVATIONS)})`, width + c);
    else add(`(${name} |> linear(${width}, bias=true, ${w}) |> sigmoid) ${pick(["+", "*"])} ${name}`, width);
    if (random() < 0.4) add(`${name} |> bn(w="n${layer}")`, width);
    if (random() < 0.8) add(`${name} |> ${pick(ACTIVATIONS)}`, width);
    if (!bounded && random() < 0.25) {
      // Two different sets of one grid.
      const [k2, w2] = [pick([1, 3]), `w="u${layer}"`];
      add(`union(${name}, ${name} |> conv(${width}, k=${k2}, p=${(k2 - 1) / 2}, sites=reach, bias=true, ${w2}), ${name} |> conv(${width}, k=2, p=1, sites=reach, w="t${layer}"), by=${pick(["sum", "product"])})`, width);
    }
  }
  const axes = AXES.slice(0, dim).map((axis) => (bounded ? `${axis}: ${EXTENT[dim]}` : axis)).join(", ");
  const value = zero ? "0" : `[${Array.from({ length: channels }, () => (random() * 2 - 1).toFixed(3)).join(", ")}]`;
  const dense = bounded ? `\n  output dense = ${name} |> to_dense${random() < 0.3 ? "(layout=channels_last)" : random() < 0.3 ? `(fold="${AXES[0]}")` : ""}` : "";
  const text = `spnet 1\nexport net T {\n  sites S : (${axes}) ground=${value}\n  input a : feat[S, ${channels}]\n${layers.join("\n")}\n  output y = ${name}${dense}\n}\n`;
  return { text, dim, channels, bounded };
}
