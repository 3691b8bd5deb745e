import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { embedRuntime, target } from "../../scripts/embed-runtime.ts";

it("the run time that modules carry is the one in src/runtime (npm run generate)", () => {
  const fresh = embedRuntime();
  if (process.env["UPDATE"] === "1") writeFileSync(target, fresh);
  expect(existsSync(target) ? readFileSync(target, "utf8") === fresh : false).toBe(true);
});
