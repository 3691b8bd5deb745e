import { Alternation, NonTerminal, Option, Repetition, RepetitionMandatory, Rule, Terminal, type IProduction } from "chevrotain";
import { tokens } from "../tokens.ts";

/** Rules that exist for messages alone: no valid file has them. */
export const errorRules: ReadonlySet<string> = new Set(["stray", "strayFile", "member"]);

const labels = new Map(tokens.map((t) => [t.name, t.LABEL ?? t.name]));
const classes: ReadonlyMap<string, string> = new Map([["Ident", "Ident"], ["Int", "Int"], ["Float", "Float"], ["Text", "Text"]]);

const lexical = `
Ident   = letter or "_", then letters, digits and "_" ; not a keyword
Int     = digits
Float   = digits "." digits [ exponent ] | digits exponent
Text    = '"' { character | "\\" character | "{" interpolation "}" } '"'
comment = "//" to the end of the line ; "///" documents the declaration that follows
`;

/** The grammar as EBNF: \`[ ]\` is optional, \`{ }\` any number of times, \`( )\` groups. */
export function ebnf(productions: Readonly<Record<string, Rule>>): string {
  const rules = Object.values(productions).filter((rule) => !errorRules.has(rule.name));
  const width = Math.max(...rules.map((rule) => rule.name.length));
  // The header may be missing only so that a message can ask for it.
  const lines = rules.map((rule) => `${rule.name.padEnd(width)} = ${bare(sequence(rule.definition)).replace("[ header ]", "header")}`);
  return `(* Grammar of .spnet, version 1. Generated from grammar/spnet.ts. *)\n\n${lines.join("\n")}\n${lexical}`;
}

function sequence(items: readonly IProduction[]): string {
  return items.map(item).filter((text) => text !== "").join(" ");
}

function item(production: IProduction): string {
  if (production instanceof Terminal) return classes.get(production.terminalType.name) ?? quoted(labels.get(production.terminalType.name) ?? production.terminalType.name);
  if (production instanceof NonTerminal) return errorRules.has(production.nonTerminalName) ? "" : production.nonTerminalName;
  if (production instanceof Alternation) return alternatives(production);
  // The classes below look the same to the type checker.
  const body = sequence(partsOf(production));
  const wrap = [
    { of: RepetitionMandatory, text: `${body} { ${body} }` },
    { of: Repetition, text: `{ ${body} }` },
    { of: Option, text: `[ ${body} ]` },
  ].find(({ of }) => production instanceof of);
  if (wrap === undefined) throw new Error("internal: a grammar element of another kind");
  return wrap.text;
}

const partsOf = (production: IProduction): readonly IProduction[] => (production as IProduction & { readonly definition: readonly IProduction[] }).definition;

/** Without parentheses around the whole. */
const bare = (text: string): string => (/^\( [^()]* \)$/.test(text) ? text.slice(2, -2) : text);

function alternatives(production: Alternation): string {
  const all = production.definition.map((alternative) => sequence(partsOf(alternative))).filter((text) => text !== "");
  return all.length === 1 ? all[0]! : `( ${all.join(" | ")} )`;
}

const quoted = (label: string): string => label.replace(/^`(.*)`$/, '"$1"');
