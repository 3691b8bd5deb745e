import { defaultParserErrorProvider, generateCstDts } from "chevrotain";
import { SpnetParser } from "./spnet.ts";

const parser = new SpnetParser({ errorMessageProvider: defaultParserErrorProvider });
const productions = parser.getGAstProductions();

/** CST node types of every rule. */
export function cstTypes(): string {
  const body = generateCstDts(productions, { includeVisitorInterface: false }).replace(/^import .*\n/, "");
  return `// Generated from grammar/spnet.ts.\nimport type { CstNode, IToken } from "chevrotain";\n${body}`;
}

/** Generated files by name, below `grammar/generated/`. */
export function generateAll(): ReadonlyMap<string, string> {
  return new Map([["spnet-cst.ts", cstTypes()]]);
}
