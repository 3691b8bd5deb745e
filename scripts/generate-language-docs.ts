/** Writes docs/ERRORS.md from the catalogue and the reference sections of docs/LANGUAGE.md from the registries. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { languageSections, withSections } from "../src/ir/surface/docs.ts";
import { errorsDocument } from "../src/parser/diagnostics/error-docs.ts";

/** The checkout: this file lies in its `scripts`, or in `dist/scripts` when built. */
const root = dirname(fileURLToPath(import.meta.url)).replace(/(\/dist)?\/scripts$/, "");
const language = join(root, "docs/LANGUAGE.md");
writeFileSync(join(root, "docs/ERRORS.md"), errorsDocument());
writeFileSync(language, withSections(readFileSync(language, "utf8"), languageSections()));
