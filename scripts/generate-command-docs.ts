/** Writes the help texts into docs/COMMAND.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withCommandHelps } from "../src/cli/main.ts";
import { packageRoot } from "../src/cli/version.ts";

const file = join(packageRoot(), "docs/COMMAND.md");
writeFileSync(file, await withCommandHelps(readFileSync(file, "utf8")));
