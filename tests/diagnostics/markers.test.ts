import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compileSource } from "../../src/ir/from-source.ts";
import { LineIndex } from "../../src/parser/line-index.ts";

const folder = new URL("./cases/", import.meta.url);
const readFile = (path: string): string | undefined => {
  const name = path.replace(/^cases\//, "");
  return readdirSync(folder).includes(name) ? readFileSync(new URL(name, folder), "utf8") : undefined;
};

/** `line CODE` for every code after a `//~` on that line. */
function expected(text: string): readonly string[] {
  return text.split("\n").flatMap((line, i) => (line.split("//~")[1] ?? "").split(/\s+/).filter((w) => w !== "").map((code) => `${i + 1} ${code}`));
}

for (const name of readdirSync(folder).filter((n) => n.endsWith(".spnet"))) {
  test(`${name}: the marked lines have the marked mistakes, and no others`, () => {
    const text = readFile(`cases/${name}`)!;
    const { diagnostics } = compileSource(`cases/${name}`, { readFile });
    const index = new LineIndex(text);
    const found = diagnostics.map((d) => `${index.at(d.labels[0]!.span.start).line} ${d.code}`);
    const sorted = (list: readonly string[]): readonly string[] => [...list].sort();
    expect(sorted(found)).toEqual(sorted(expected(text)));
  });
}
