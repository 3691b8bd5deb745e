import { createSyntaxDiagramsCode, type ISerializedGast, type Rule, serializeGrammar } from "chevrotain";
import { errorRules } from "./ebnf.ts";

/** A page of syntax diagrams. Its scripts are those of the installed chevrotain: open it from a checkout. */
export function railroad(productions: Readonly<Record<string, Rule>>): string {
  const rules = serializeGrammar(Object.values(productions).filter((rule) => !errorRules.has(rule.name))).map(withoutErrors);
  const resourceBase = "../../node_modules/chevrotain/diagrams/";
  return createSyntaxDiagramsCode(rules, { resourceBase, css: `${resourceBase}diagrams.css` }).replaceAll(/[ \t]+$/gm, "");
}

/** A rule without references to rules that exist for messages alone. */
function withoutErrors(rule: ISerializedGast): ISerializedGast {
  const { definition } = rule as { readonly definition?: readonly ISerializedGast[] };
  if (definition === undefined) return rule;
  const kept = definition.map(withoutErrors).filter((part) => !isError(part));
  return { ...rule, definition: kept } as ISerializedGast;
}

function isError(part: ISerializedGast): boolean {
  if (part.type === "NonTerminal") return errorRules.has((part as ISerializedGast & { readonly name: string }).name);
  const { definition } = part as { readonly definition?: readonly ISerializedGast[] };
  return part.type === "Alternative" && definition?.length === 0;
}
