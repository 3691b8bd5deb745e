/** Writes docs/PASSES.md from the pass registry. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { passesDocument } from "../src/passes/docs.ts";

/** The checkout: this file lies in its `scripts`, or in `dist/scripts` when built. */
const root = dirname(fileURLToPath(import.meta.url)).replace(/(\/dist)?\/scripts$/, "");
writeFileSync(join(root, "docs/PASSES.md"), passesDocument());
