import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { opsDocument } from "../../src/ir/op-docs.ts";
import { ops } from "../../src/ir/ops/registry.ts";
import { readModule } from "../../src/ir/read.ts";
import { printModule } from "../../src/ir/print.ts";
import { verify } from "../../src/ir/verify.ts";

const file = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

describe("documents of the IR", () => {
  it("docs/OPS.md is fresh: run scripts/generate-op-docs.ts after a change", () => {
    expect(file("OPS.md")).toBe(opsDocument());
  });

  it("every op of the net and fused levels has a meaning, and says what it and its attributes are", () => {
    for (const op of ops.values()) {
      if (!op.levels.every((level) => level === "plan")) expect(op.evaluate, op.name).toBeDefined();
      expect(op.doc, op.name).toMatch(/^[^ ].*\.$/s);
      for (const [key, def] of Object.entries(op.attrs)) expect(def.doc, `${op.name} ${key}`).not.toBe("");
    }
  });

  it("the modules shown in docs/IR.md read, hold every invariant, and print as shown", () => {
    const shown = [...file("IR.md").matchAll(/```spir\n(.*?)```/gs)].map((m) => m[1]!);
    expect(shown.length).toBeGreaterThan(1);
    for (const text of shown) {
      const result = readModule({ name: "IR.md", text });
      if ("diagnostics" in result) throw new Error(JSON.stringify(result.diagnostics));
      expect(verify(result.module)).toEqual([]);
      expect(printModule(result.module)).toBe(text);
    }
  });
});
