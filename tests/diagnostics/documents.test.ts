import { readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { languageSections, withSections } from "../../src/ir/surface/docs.ts";
import { catalog } from "../../src/parser/diagnostics/catalog.ts";
import { elsewhere } from "../../src/parser/diagnostics/catalog/elsewhere.ts";
import { errorsDocument } from "../../src/parser/diagnostics/error-docs.ts";
import { surfaceOps } from "../../src/ir/surface/registry.ts";
import { compileText, wholeFile } from "./support.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const language = read("docs/LANGUAGE.md");

describe("docs/LANGUAGE.md", () => {
  const examples = [...language.matchAll(/```spnet\n([^]*?)```/g)].map((m) => m[1]!);

  test("has examples", () => expect(examples.length).toBeGreaterThan(8));

  test.each(examples.map((text, i) => [i + 1, text] as const))("example %i compiles", (_, text) => {
    expect(compileText(wholeFile(text)).diagnostics.filter((d) => d.severity === "error")).toEqual([]);
  });

  test("its reference sections are fresh (npm run generate)", () => expect(language).toBe(withSections(language, languageSections())));

  test("the message it shows is the one that is given", () => {
    const shown = /```\n(error[^]*?)```/.exec(language)![1]!;
    const source = "spnet 1\nnet N {\n  sites S : (z, y, x)\n  input x : feat[S, 8]\n  let skip = x |> conv(8, k=2, s=2)\n  output y = x + skip\n}\n";
    const [diagnostic] = compileText(source).diagnostics;
    for (const text of [diagnostic!.code, diagnostic!.message, ...diagnostic!.labels.map((l) => l.text), ...(diagnostic!.notes ?? []), diagnostic!.help!.text]) expect(shown).toContain(text);
  });

  test("speaks of every operation", () => {
    for (const name of surfaceOps.keys()) expect(language).toContain(/^\w/.test(name) ? `#### \`${name}(` : `#### \`a ${name} b`);
  });
});

describe("docs/ERRORS.md", () => {
  test("is fresh (npm run generate)", () => expect(read("docs/ERRORS.md")).toBe(errorsDocument()));

  test("knows every code in the sources, and each only once", () => {
    const files = (path: string): readonly string[] => readdirSync(new URL(path, root)).flatMap((name) => (statSync(new URL(`${path}/${name}`, root)).isDirectory() ? files(`${path}/${name}`) : [`${path}/${name}`]));
    const used = new Set(files("src").filter((f) => f.endsWith(".ts") && !f.includes("generated")).flatMap((f) => read(f).match(/SP0\d{3}(?!\d)/g) ?? []));
    const known = [...Object.keys(catalog), ...Object.keys(elsewhere)];
    expect([...used].filter((code) => !known.includes(code))).toEqual([]);
    expect(new Set(known).size).toBe(known.length);
  });

  test("every code of the catalogue is given somewhere", () => {
    const sources = ["src/parser", "src/ir"].flatMap((folder) => {
      const walk = (path: string): readonly string[] => readdirSync(new URL(path, root)).flatMap((name) => (statSync(new URL(`${path}/${name}`, root)).isDirectory() ? walk(`${path}/${name}`) : [`${path}/${name}`]));
      return walk(folder).filter((f) => !f.includes("/catalog"));
    });
    const text = sources.map(read).join("\n");
    for (const code of Object.keys(catalog)) expect(text, code).toContain(`diagnose("${code}"`);
  });
});
