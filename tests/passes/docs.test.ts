import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { passesDocument } from "../../src/passes/docs.ts";
import { passes } from "../../src/passes/registry.ts";

const path = new URL("../../docs/PASSES.md", import.meta.url);

describe("docs/PASSES.md", () => {
  test("is what the registry generates (UPDATE=1 writes it)", () => {
    if (process.env["UPDATE"] === "1") writeFileSync(path, passesDocument());
    expect(readFileSync(path, "utf8")).toBe(passesDocument());
  });

  test("every pass has a section, a test that names it and one that it leaves something unchanged", () => {
    const folder = new URL(".", import.meta.url);
    const tests = readdirSync(folder).filter((name) => name.endsWith(".test.ts")).map((name) => readFileSync(new URL(name, folder), "utf8"));
    for (const { name } of passes.values()) {
      expect(passesDocument()).toContain(`## ${name}\n`);
      const own = tests.filter((text) => text.includes(`describe("${name}"`));
      expect(own, name).toHaveLength(1);
      if (name !== "lower") expect(own[0], name).toContain("UNCHANGED");
    }
  });
});
