import { describe, expect, test } from "vitest";
import { catalog } from "../../src/parser/diagnostics/catalog.ts";
import type { Entry } from "../../src/parser/diagnostics/catalog/entry.ts";
import { applyEdits, compileText, wholeFile } from "./support.ts";

const entries: readonly (readonly [string, Entry])[] = Object.entries(catalog);

describe("every entry of the catalogue", () => {
  test.each(entries.filter(([, e]) => e.bad !== undefined))("%s: its bad example gives it and no other", (code, entry) => {
    const { diagnostics } = compileText(wholeFile(entry.bad!));
    const spoken = diagnostics.filter((d) => d.code !== "SP0701" || code === "SP0701");
    expect(spoken.map((d) => d.code)).toEqual([code]);
    expect(spoken[0]!.severity).toBe(entry.severity);
    expect(spoken[0]!.message).not.toMatch(/\{\w+\}|undefined/);
  });

  test.each(entries.filter(([, e]) => e.good !== undefined))("%s: its good example is free of mistakes", (_, entry) => {
    const { diagnostics } = compileText(wholeFile(entry.good!));
    expect(diagnostics.filter((d) => d.code !== "SP0701")).toEqual([]);
  });

  const fixable = entries.filter(([code, e]) => e.bad !== undefined && (compileText(wholeFile(e.bad)).diagnostics.find((d) => d.code === code)?.help?.edits ?? []).length > 0);

  test.each(fixable)("%s: its fix mends its bad example", (code, entry) => {
    const text = wholeFile(entry.bad!);
    const edits = compileText(text).diagnostics.find((d) => d.code === code)!.help!.edits!;
    expect(compileText(applyEdits(text, edits)).diagnostics.filter((d) => d.severity === "error")).toEqual([]);
  });

  test("most mistakes of spelling have a fix", () => {
    expect(fixable.map(([code]) => code)).toEqual(expect.arrayContaining(["SP0101", "SP0104", "SP0107", "SP0110", "SP0201", "SP0203", "SP0205", "SP0402"]));
  });
});
