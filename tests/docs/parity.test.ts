import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixtureFolder } from "../support/safetensors.ts";

const root = fixtureFolder("");

describe.skipIf(root === undefined)(`docs/PARITY.md${root === undefined ? " (skipped: the shared folder fixtures is not here)" : ""}`, () => {
  it("has a row for every case (npm run parity)", () => {
    const page = readFileSync(new URL("../../docs/PARITY.md", import.meta.url), "utf8");
    for (const folder of readdirSync(root!)) {
      const parsed = JSON.parse(readFileSync(`${root}${folder}/cases.json`, "utf8")) as readonly { readonly file: string }[] | { readonly cases: readonly { readonly file: string }[] };
      const section = page.split(`## ${folder}\n`)[1]!.split("\n## ")[0]!;
      for (const { file } of "cases" in parsed ? parsed.cases : parsed) {
        const line = section.split("\n").find((l) => l.startsWith(`| ${file.replace(/\.safetensors$/, "")} |`));
        expect(line, `${folder}/${file}`).toBeDefined();
        // What is not run is named by tests/ir/fixture-ledger.test.ts; what is run has a number on every target.
        expect(/not run yet|spnet\/points/.test(line!) || line!.split("|").slice(2, 5).every((cell) => cell.trim() !== ""), line).toBe(true);
      }
    }
  });
});
