import { describe, expect, it } from "vitest";
import { cloud, netFromText } from "../support/source-net.ts";
import { expectRun, wantedOf, type Inputs } from "../support/differential.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const AXES = ["w", "z", "y", "x"];
const EXTENTS = [[29], [13, 11], [7, 9, 8], [5, 6, 5, 7]] as const;
const BATCH = 3;

/** A kernel per dimension, with the stride, padding and dilation of its strided forms; `centre` pads its submanifold form. */
interface Kernel {
  readonly name: string;
  readonly k: readonly number[];
  readonly s: readonly number[];
  readonly p: readonly number[];
  readonly d: readonly number[];
  readonly centre: readonly number[];
}

function kernelsOf(dim: number): readonly Kernel[] {
  const all = (n: number): number[] => new Array<number>(dim).fill(n);
  const first = (list: readonly number[]): readonly number[] => list.slice(0, dim);
  return [
    { name: "odd", k: all(3), s: all(2), p: all(1), d: all(1), centre: all(1) },
    { name: "even", k: all(2), s: all(2), p: all(0), d: all(1), centre: all(0) },
    { name: "even, padded, overlapping", k: first([4, 2, 2, 2]), s: first([3, 1, 2, 1]), p: first([2, 1, 0, 1]), d: all(1), centre: first([1, 0, 1, 0]) },
    { name: "asymmetric", k: first([5, 1, 3, 2]), s: first([2, 1, 3, 1]), p: first([1, 0, 2, 0]), d: all(1), centre: first([2, 0, 1, 1]) },
    { name: "dilated", k: first([3, 3, 2, 1]), s: first([2, 2, 1, 2]), p: first([2, 0, 1, 0]), d: first([2, 1, 3, 1]), centre: first([2, 1, 1, 0]) },
  ];
}

const list = (numbers: readonly number[]): string => `[${numbers.join(", ")}]`;

/** The operations of one combination; each result is an output. */
function layersOf({ k, s, p, d, centre }: Kernel): readonly (readonly [name: string, body: string])[] {
  // Along the first axis alone, since sites multiply.
  const grown = `k=${list(k.map((_, a) => (a === 0 ? 3 : 1)))}, p=${list(k.map((_, a) => (a === 0 ? 1 : 0)))}`;
  const strided = `k=${list(k)}, s=${list(s)}, p=${list(p)}, d=${list(d)}`;
  return [
    ["subm", `output y = x |> subm(3, k=${list(k)}, d=${list(d)}, p=${list(centre)}, bias=true)`],
    ["conv that reaches, and up", `let c = x |> conv(3, ${strided}, sites=reach)\n  output y = c\n  output z = c |> up(2, bias=true)`],
    ["conv on the floor, and up", `let c = x |> conv(3, ${strided}, sites=floor, bias=true)\n  output y = c\n  output z = c |> up(2)`],
    ["deconv, and unions", `let d = x |> deconv(2, ${strided})\n  let g = d |> conv(2, ${grown}, sites=reach)\n  output y = d\n  output z = union(d, g)\n  output p = union(g, d, by=product) |> conv(2, ${strided}, onto=x)`],
    ["conv that grows", `output y = x |> conv(3, k=${list(k)}, p=${list(centre)}, d=${list(d)}, sites=reach)`],
  ];
}

/** Scattered rows, one row, and none. */
function scenes(dim: number, extents: readonly number[] | undefined): readonly (readonly [name: string, inputs: Inputs])[] {
  const box = extents ?? EXTENTS[dim - 1]!;
  const origin = extents === undefined ? -5 : 0;
  const rows = Math.min(60, Math.floor((box.reduce((a, b) => a * b, 1) * BATCH) / 2));
  // One row alone has no strided output for some kernels: then the derived set is empty while the input is not.
  const one = [2, ...box.map((n) => origin + Math.floor(n / 2))];
  return [
    ["scattered", { x: cloud(dim, rows, BATCH, box, 2, origin) }],
    ["one site", { x: { coords: Int32Array.from(one), features: Float32Array.of(0.5, -0.75) } }],
    ["nothing", { x: { coords: new Int32Array(0), features: new Float32Array(0) } }],
  ];
}

/** Convolutions by every kernel, on every kind of grid, in one to four dimensions. */
export function geometrySuite(open: OpenTarget): void {
  const target = useTarget(open);

  describe.each([1, 2, 3, 4])("%d dimensions", (dim) => {
    describe.each(kernelsOf(dim).map((kernel) => [kernel.name, kernel] as const))("kernel %s", (_name, kernel) => {
      it.each(layersOf(kernel).flatMap(([name, body]) => [[name, "bounded", body] as const, [name, "unbounded", body] as const]))("%s, %s", async (_layer, grid, body) => {
        const extents = grid === "bounded" ? EXTENTS[dim - 1]! : undefined;
        const axes = AXES.slice(0, dim).map((axis, a) => (extents === undefined ? axis : `${axis}: ${extents[a]}`));
        const net = netFromText(`spnet 1\nnet N {\n  sites S : (${axes.join(", ")})\n  input x : feat[S, 2]\n  ${body}\n}\n`);
        const network = await openNet(target(), net);
        for (const [what, inputs] of scenes(dim, extents)) {
          const outputs = await expectRun(network, inputs, BATCH, wantedOf(net, inputs, BATCH), what);
          if (what === "scattered") expect("rows" in outputs["y"]! && outputs["y"].rows).toBeGreaterThan(1);
        }
        network.dispose();
      });
    });
  });
}
