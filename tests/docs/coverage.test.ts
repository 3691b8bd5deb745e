import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { surfaceOps } from "../../src/ir/surface/registry.ts";
import { coverageNet, DIALECTS, DIMENSIONS, REFUSALS } from "../coverage/cases.ts";
import { missingForms } from "../coverage/forms.ts";

const TARGETS = ["wasm", "webgpu"] as const;

describe("docs/COVERAGE.md (npm run coverage)", () => {
  it("every operation of the language has forms, with every parameter and every word of it", () => {
    expect(missingForms()).toEqual([]);
  });

  it.each(DIALECTS.map((dialect) => [dialect ?? "Without a dialect", dialect] as const))("%s: every operation ran on every target, in 1 to 4 dimensions", (title, dialect) => {
    const taken = DIMENSIONS.map((dim) => new Set(coverageNet(dialect, dim).accepted.map(({ op }) => op)));
    const page = readFileSync(new URL("../../docs/COVERAGE.md", import.meta.url), "utf8");
    const [head, , ...rows] = page.split(`\n## ${title}\n\n`)[1]!.split("\n\n")[0]!.split("\n").map((line) => line.split(" | ").map((word) => word.replace(/^\| | \|$/g, "")));
    const columns = TARGETS.flatMap((target) => DIMENSIONS.map((dim) => ({ target, dim, title: `${target} ${dim}D` })));
    expect(head).toEqual(["operation", ...columns.map((c) => c.title)]);
    expect(rows.map(([name]) => name)).toEqual([...surfaceOps.keys()].map((name) => `\`${name}\``));
    for (const [name, ...cells] of rows) {
      const op = name!.replaceAll("`", "");
      columns.forEach(({ target, dim, title: column }, i) => {
        const refused = taken[dim - 1]!.has(op) ? REFUSALS[target][op] : "–";
        expect(cells[i], `${op}, ${column}`).toMatch(refused === undefined ? /^(exact|1e-([5-9]|\d\d))$/ : new RegExp(`^${refused}$`));
      });
    }
  });
});
