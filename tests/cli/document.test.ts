import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/main.ts";
import { spnet } from "./support.ts";

const FILE = "docs/COMMAND.md";
const document = readFileSync(FILE, "utf8");

test("docs/COMMAND.md shows the help of every command (UPDATE=1 rewrites it)", async () => {
  const helps = await Promise.all(COMMANDS.map(async ({ name }) => `### ${name}\n\n\`\`\`\n${(await spnet(name, "--help")).out}\`\`\`\n`));
  const fresh = document.replace(/<!-- help -->.*<!-- \/help -->/s, () => `<!-- help -->\n${helps.join("\n")}<!-- /help -->`);
  if (process.env["UPDATE"] === "1") writeFileSync(FILE, fresh);
  expect(readFileSync(FILE, "utf8")).toBe(fresh);
});

test("docs/COMMAND.md explains every code that the command and the run time give", () => {
  const files = ["src/cli", "src/runtime"].flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts")).map((name) => join(folder, name)));
  const given = new Set(files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/\bSP0\d{3}\b/g)].map((m) => m[0])));
  const explained = new Set([...document.matchAll(/^\| (SP0\d{3}) \|/gm)].map((m) => m[1]!));
  expect([...given].sort()).toEqual([...explained].sort());
});
