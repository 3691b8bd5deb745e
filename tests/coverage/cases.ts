/** The networks of docs/COVERAGE.md: for a dialect and a number of axes, every form of every operation. */
import { compileSource } from "../../src/ir/from-source.ts";
import { printModule } from "../../src/ir/print.ts";
import { dialects } from "../../src/ir/surface/dialects.ts";
import { surfaceOps } from "../../src/ir/surface/registry.ts";
import { numbers } from "../support/source-net.ts";
import { formsOf, type Form, type Setting } from "./forms.ts";

/** `undefined` is a network without a dialect. */
export const DIALECTS: readonly (string | undefined)[] = [undefined, ...dialects.keys()];
export const DIMENSIONS = [1, 2, 3, 4] as const;

/** Operations that a target cannot run, and the code that says so. */
export const REFUSALS: Readonly<Record<"webgpu" | "wasm", Readonly<Record<string, string>>>> = { webgpu: {}, wasm: {} };

const AXES = ["t", "z", "y", "x"];
/** Least extents; up to twice as much is added. Even, so that SparseConvNet's kernels fit them. */
const LEAST = [20, 8, 6, 4];

/** A form as an output of a network. */
export interface Written {
  readonly op: string;
  readonly form: Form;
  readonly output: string;
  readonly text: string;
  /** What the network has before its outputs: the sites and the input that it starts from, shared or its own. */
  readonly input: readonly string[];
}

/** A form that the language takes, and what it becomes: the same text where two dialects mean the same. */
export interface Accepted extends Written {
  readonly ir: string;
}

export interface CoverageNet {
  readonly dialect: string | undefined;
  readonly dim: number;
  readonly accepted: readonly Accepted[];
  readonly refused: readonly (Written & { readonly code: string })[];
  /** A network of some of the forms. */
  text(forms: readonly Written[]): string;
}

/** Extents, channels and the grid of each form are drawn by a seed, the same for all dialects. */
export function coverageNet(dialect: string | undefined, dim: number): CoverageNet {
  const random = numbers(dim);
  const even = (most: number): number => 2 * (1 + Math.floor(random() * (most / 2)));
  const axes = AXES.slice(-dim);
  const extents = axes.map(() => LEAST[dim - 1]! + even(LEAST[dim - 1]!) - 2);
  const channels = even(8);
  const text = (forms: readonly Written[]): string =>
    [
      "spnet 1",
      "export net Coverage {",
      ...(dialect === undefined ? [] : [`  dialect ${dialect}`]),
      "  layout spconv2",
      ...new Set(forms.flatMap(({ input }) => input)),
      ...forms.map(({ output, text: body }) => `  output ${output} = ${body}`),
      "}",
      "",
    ].join("\n");
  const accepted: Accepted[] = [];
  const refused: (Written & { readonly code: string })[] = [];
  for (const op of surfaceOps.values()) {
    for (const form of formsOf(op)) {
      const n = accepted.length + refused.length;
      const bounded = form.bounded === true || random() < 0.5;
      const own = `${form.points === true ? (bounded ? "p" : "q") : bounded ? "x" : "u"}${form.alone === true ? n : ""}`;
      const setting: Setting = { dialect, axes, x: own, c: channels, d: even(12), e: 1 + Math.floor(random() * 9) };
      const grid = axes.map((axis, a) => (bounded ? `${axis}: ${extents[a]}` : axis)).join(", ");
      const input = form.points === true
        ? [`  sites S${own} : (${axes.join(", ")}) = points`, `  sites V${own} : (${grid}) = voxels(S${own}, size=${bounded ? "1.25, origin=-1, outside=drop" : "1.25, rounding=nearest"})`, `  input ${own} : feat[S${own}, ${channels}]`]
        : [`  sites S${own} : (${grid})`, `  input ${own} : feat[S${own}, ${channels}]`];
      const written: Written = { op: op.name, form, output: `y${n}`, text: form.text(setting), input };
      const { module, diagnostics } = compileSource("coverage.spnet", { readFile: () => text([written]) });
      const expected = form.refused?.(setting);
      const errors = diagnostics.filter((d) => d.severity === "error");
      if (module !== undefined && expected === undefined) accepted.push({ ...written, ir: printModule(module, { locations: false }) });
      else if (module === undefined && errors.every((d) => d.code === expected)) refused.push({ ...written, code: expected! });
      else if (form.tried !== true) throw new Error(`${dialect ?? "no dialect"}, ${dim}D: ${written.text}: ${errors.map((d) => `${d.code} ${d.message}`).join("; ") || `accepted, ${expected} expected`}`);
    }
  }
  return { dialect, dim, accepted, refused, text };
}
