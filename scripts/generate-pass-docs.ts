/** Writes docs/PASSES.md from the pass registry. */
import { writeFileSync } from "node:fs";
import { passesDocument } from "../src/passes/docs.ts";

writeFileSync(new URL("../docs/PASSES.md", import.meta.url), passesDocument());
