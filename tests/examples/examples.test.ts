import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compileSource } from "../../src/ir/from-source.ts";
import { number, string, type Module } from "../../src/ir/module.ts";

const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  } catch {
    return undefined;
  }
};

function compile(name: string): Module {
  const { module, diagnostics } = compileSource(`examples/${name}.spnet`, { readFile });
  expect(diagnostics).toEqual([]);
  return module!;
}

const count = (module: Module, ...names: readonly string[]): number => module.ops.filter((op) => names.includes(op.name)).length;
const convs = (module: Module): number => count(module, "subm", "conv", "up");

describe("examples", () => {
  test("SECOND has 12 convolutions and the names of its checkpoint", () => {
    const module = compile("second");
    expect(convs(module)).toBe(12);
    const params = module.ops.filter((op) => op.name === "param").map((op) => string(op.attrs, "name"));
    expect(params).toContain("conv2.0.0.weight");
    expect(params).toContain("conv_out.1.running_var");
    expect(number(module.ops.find((op) => op.name === "bn")!.attrs, "eps")).toBe(1e-3);
  });
});
