/**
 * Puts the parser library's one-file build beside the compiled grammar, in place of the several hundred files that its
 * package resolves to: loading those takes longer than compiling a network.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const grammar = join(dirname(fileURLToPath(import.meta.url)), "../grammar");
const bundle = join(grammar, "chevrotain.js");

const library = join(dirname(createRequire(import.meta.url).resolve("chevrotain")), "../..");
const { version } = JSON.parse(readFileSync(join(library, "package.json"), "utf8")) as { readonly version: string };
writeFileSync(bundle, `// chevrotain ${version} (Apache-2.0), which holds parts of lodash-es (MIT).\n${readFileSync(join(library, "lib/chevrotain.mjs"), "utf8")}`);
for (const name of readdirSync(grammar, { recursive: true, encoding: "utf8" })) {
  const file = join(grammar, name);
  if (!file.endsWith(".js") || file === bundle) continue;
  const text = readFileSync(file, "utf8");
  const from = relative(dirname(file), bundle).replaceAll("\\", "/");
  const changed = text.replace(/^(import .* from )"chevrotain"/gm, (_, start: string) => `${start}"${from.startsWith(".") ? from : `./${from}`}"`);
  if (changed !== text) writeFileSync(file, changed);
}
