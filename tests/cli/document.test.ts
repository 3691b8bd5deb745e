import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withCommandHelps } from "../../src/cli/main.ts";

test("docs/COMMAND.md shows the help of every command (npm run generate)", async () => {
  const document = readFileSync("docs/COMMAND.md", "utf8");
  expect(document).toContain("### compile\n\n```\nspnet compile FILE --out DIR [--target webgpu|wasm|both]\n");
  expect(document).toBe(await withCommandHelps(document));
});
