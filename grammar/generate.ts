/** Derives everything in `grammar/generated` from the grammars; run as a script it writes the files. */
import { defaultParserErrorProvider, generateCstDts } from "chevrotain";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ebnf } from "./generate/ebnf.ts";
import { railroad } from "./generate/railroad.ts";
import { textMate } from "./generate/textmate.ts";
import { SpnetParser } from "./spnet.ts";

/** Generated files by name, below `grammar/generated/`. */
export function generateGrammarFiles(): ReadonlyMap<string, string> {
  const productions = new SpnetParser({ errorMessageProvider: defaultParserErrorProvider }).getGAstProductions();
  const types = generateCstDts(productions, { includeVisitorInterface: false }).replace(/^import .*\n/, "");
  return new Map([
    ["spnet-cst.ts", `// Generated from grammar/spnet.ts.\nimport type { CstNode, IToken } from "chevrotain";\n${types}`],
    ["spnet.ebnf", ebnf(productions)],
    ["spnet.tmLanguage.json", textMate()],
    ["railroad.html", railroad(productions)],
  ]);
}

if (process.argv[1] !== undefined && /[/\\]generate\.[jt]s$/.test(process.argv[1])) {
  // The checkout: this file lies in its `grammar`, or in `dist/grammar` when built.
  const root = dirname(fileURLToPath(import.meta.url)).replace(/([/\\]dist)?[/\\]grammar$/, "");
  const folder = join(root, "grammar/generated");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of generateGrammarFiles()) writeFileSync(join(folder, name), text);
}
