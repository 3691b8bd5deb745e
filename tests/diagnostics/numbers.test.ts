/** Every number that an operation of the language takes, with numbers that nothing can be computed with. */
import { describe, expect, it } from "vitest";
import type { SurfaceOp } from "../../src/ir/surface/op.ts";
import { surfaceOps } from "../../src/ir/surface/registry.ts";
import { compileText } from "./support.ts";

const REQUIRED: Readonly<Record<string, string>> = { c: "4", k: "3", groups: "2", s: "2", mask: "x |> linear(1)", v: "x |> global_avg_pool", by: "sum" };
const WHOLE_NUMBERS = new Set(["rescale", "clip", "saturate"]);

/** What an operation works on, for it to be right but for its numbers. */
function operand({ name, parameters }: SurfaceOp): string {
  if (/\dd$/.test(name) || name === "upsample" || name === "from_dense") return "x |> to_dense";
  if (WHOLE_NUMBERS.has(name)) return "x |> quantise";
  if (name === "up" || name === "unpool") return "x |> conv(4, k=2, s=2, p=0, sites=reach)";
  return parameters[0]!.kind === "tensors" ? "[x]" : "x";
}

const axes = ["z: 8", "y: 8", "x: 8"];

function codes(op: SurfaceOp, parameter: string, value: string): readonly string[] {
  const needed = op.parameters.slice(1).filter((p) => p.required && p.name !== parameter).map((p) => `${p.name}=${REQUIRED[p.name]}`);
  const { diagnostics } = compileText(`spnet 1\nnet N {\n  dialect spconv\n  sites S : (${axes.slice(-Number(/(\d)d$/.exec(op.name)?.[1] ?? 2)).join(", ")})\n  input x : feat[S, 4]\n  let start = ${operand(op)}\n  output y = start |> ${op.name}(${[...needed, `${parameter}=${value}`].join(", ")})\n}\n`);
  return diagnostics.filter((d) => d.severity === "error").map((d) => d.code);
}

const taking = (...kinds: readonly string[]): readonly (readonly [string, string, SurfaceOp])[] =>
  [...surfaceOps.values()].flatMap((op) => op.parameters.filter((p) => kinds.includes(p.kind)).map((p) => [op.name, p.name, op] as const));

describe("a number beyond float32", () => {
  it.each(taking("float", "floats"))("%s: %s", (_, parameter, op) => {
    const range = op.name === "quantise" ? "SP0307" : "SP0430";
    expect(codes(op, parameter, "0.25")).toEqual([]);
    for (const value of ["1e39", "-1e39", "1e300"]) expect(codes(op, parameter, value)).toEqual([range]);
  });

  it.each(["1e39", "[0, -1e39, 1]"])("ground=%s", (ground) => {
    const { diagnostics } = compileText(`spnet 1\nnet N {\n  sites S : (y, x) ground=${ground}\n  input x : feat[S, 3]\n  output y = x |> relu\n}\n`);
    expect(diagnostics.map((d) => d.code)).toEqual(["SP0430"]);
  });
});

describe("a whole number beyond any network", () => {
  it.each(taking("int", "ints"))("%s: %s", (_, parameter, op) => {
    for (const value of ["9007199254740991", "-1"]) {
      const found = codes(op, parameter, value);
      expect(found).toHaveLength(1);
      expect(found[0]).not.toMatch(/^SP09/);
    }
  });
});

describe("what is added to a variance", () => {
  it.each([["bn(eps=0)", []], ["bn(eps=-1e-5)", ["SP0430"]], ["bn(stats=batch, eps=0)", ["SP0430"]]])("%s", (call, expected) => {
    const { diagnostics } = compileText(`spnet 1\nnet N {\n  sites S : (y, x)\n  input x : feat[S, 3]\n  output y = x |> ${call}\n}\n`);
    expect(diagnostics.map((d) => d.code)).toEqual(expected);
  });
});
