import { readdirSync, readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { elsewhere } from "../../src/parser/diagnostics/catalog/elsewhere.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

function files(folder: string): readonly string[] {
  const at = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(at).flatMap((name) => (statSync(new URL(name, at)).isDirectory() ? files(`${folder}/${name}`) : [`${folder}/${name}`]));
}

test("docs/RUNTIME.md lists exactly the codes that the run time gives, with their meaning", () => {
  const given = new Set(files("src/runtime").flatMap((path) => [...read(path).matchAll(/"(SP0\d{3})"/g)].map((m) => m[1]!)));
  const rows = [...read("docs/RUNTIME.md").matchAll(/^\| (SP0\d{3}) \| (.*?) \| (.+) \|$/gm)].map((m) => [m[1]!, m[2]!]);
  expect(given.size).toBeGreaterThan(10);
  expect(rows).toEqual([...given].sort().map((code) => [code, elsewhere[code]]));
});
