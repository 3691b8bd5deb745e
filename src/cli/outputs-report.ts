import type { OutputError } from "./compare-outputs.ts";
import type { Outputs } from "./files/scene.ts";
import { printShape } from "./files/tensor.ts";

/** One line per output: its shape, active sites, and the range of its values. */
export function describeOutputs(outputs: Outputs): string {
  const lines = [...outputs].map(([name, value]) => {
    const data = value.kind === "feat" ? value.features : value.data;
    const { least, most, sum } = rangeOf(data);
    const shape = value.kind === "feat" ? `${value.coords.length / (1 + value.dim)} sites × ${value.channels}` : printShape(value.shape);
    const range = data.length === 0 ? "" : `  ${least.toPrecision(4)} … ${most.toPrecision(4)}, mean ${(sum / data.length).toPrecision(4)}`;
    return `${name}  ${shape}${range}\n`;
  });
  return lines.join("");
}

interface Range {
  readonly least: number;
  readonly most: number;
  readonly sum: number;
}

function rangeOf(data: ArrayLike<number>): Range {
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (v < least) least = v;
    if (v > most) most = v;
    sum += v;
  }
  return { least, most, sum };
}

/** One line per output: its error against the interpreter, or why nothing could be compared. */
export function describeErrors(errors: readonly OutputError[]): string {
  return errors.map(({ name, elements, relative, problem }) => `${name}  ${problem ?? `error ${relative.toExponential(2)} over ${elements} values`}\n`).join("");
}
