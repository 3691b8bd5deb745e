/** Writes docs/OPS.md from the op registry. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { opsDocument } from "../src/ir/op-docs.ts";

/** The checkout: this file lies in its `scripts`, or in `dist/scripts` when built. */
const root = dirname(fileURLToPath(import.meta.url)).replace(/(\/dist)?\/scripts$/, "");
writeFileSync(join(root, "docs/OPS.md"), opsDocument());
