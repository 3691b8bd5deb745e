import { declarationWords, keywords, statementWords } from "../tokens.ts";

const words = (list: readonly string[]): string => `\\b(?:${list.join("|")})\\b`;

/** A TextMate grammar for editors, made from the same lists of words as the lexer. */
export function textMate(): string {
  const leading = new Set<string>([...declarationWords, ...statementWords]);
  const constants = ["true", "false"];
  const others = keywords.filter((w) => !leading.has(w) && !constants.includes(w));
  const grammar = {
    name: "spnet",
    scopeName: "source.spnet",
    fileTypes: ["spnet"],
    patterns: [{ include: "#comments" }, { include: "#code" }],
    repository: {
      comments: {
        patterns: [
          { name: "comment.line.documentation.spnet", match: "///.*$" },
          { name: "comment.line.double-slash.spnet", match: "//.*$" },
        ],
      },
      code: {
        patterns: [
          { include: "#text" },
          { name: "constant.numeric.spnet", match: "\\b[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\\b" },
          { name: "constant.language.spnet", match: words(constants) },
          { match: `${words(["block", "net"])}\\s+([A-Za-z_]\\w*)`, captures: { 0: { name: "keyword.declaration.spnet" }, 1: { name: "entity.name.function.spnet" } } },
          { name: "keyword.declaration.spnet", match: words([...declarationWords]) },
          { name: "keyword.control.spnet", match: words([...statementWords]) },
          { name: "keyword.other.spnet", match: words(others) },
          { name: "support.type.spnet", match: words(["feat", "vec", "dense", "int", "float", "bool", "text", "list"]) },
          { name: "variable.parameter.spnet", match: "\\b[A-Za-z_]\\w*(?=\\s*=[^=])" },
          { name: "entity.name.function.spnet", match: "(?<=\\|>\\s{0,8})[A-Za-z_]\\w*|\\b[A-Za-z_]\\w*(?=\\()" },
          { name: "keyword.operator.spnet", match: "\\|>|->|\\+=|\\.\\.|==|!=|<=|>=|[-+*/%=<>]" },
        ],
      },
      text: {
        name: "string.quoted.double.spnet",
        begin: '"',
        end: '"|$',
        patterns: [
          { name: "constant.character.escape.spnet", match: "\\\\." },
          { name: "meta.interpolation.spnet", begin: "\\{", end: "\\}|(?=\")", patterns: [{ include: "#code" }] },
        ],
      },
    },
  };
  return `${JSON.stringify(grammar, null, 2)}\n`;
}
