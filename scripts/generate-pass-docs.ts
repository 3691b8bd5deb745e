/** Writes docs/PASSES.md from the pass registry. Run from the package's root. */
import { writeFileSync } from "node:fs";
import { passesDocument } from "../src/passes/docs.ts";

writeFileSync("docs/PASSES.md", passesDocument());
