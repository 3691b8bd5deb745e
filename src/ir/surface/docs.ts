import { functions } from "../../parser/elaborate/functions.ts";
import { dialects } from "./dialects.ts";
import type { SurfaceOp, SurfaceParameter } from "./op.ts";
import { weightLayouts } from "./params.ts";
import { surfaceOps } from "./registry.ts";

/** Sections of docs/LANGUAGE.md that follow from the registries, by the name of their marker. */
export function languageSections(): ReadonlyMap<string, string> {
  return new Map([
    ["operations", [...surfaceOps.values()].map(operation).join("\n")],
    ["functions", list([...functions.values()].map((f) => [`${f.name}(${f.parameters.map((p) => `${p.name}${p.variadic ? ", …" : p.required ? "" : "?"}`).join(", ")})`, f.doc]))],
    ["dialects", list([...dialects.values()].map((d) => [d.name, d.doc]))],
    ["layouts", list([...weightLayouts.values()].map((l) => [l.name, l.doc]))],
  ]);
}

const list = (items: readonly (readonly [name: string, doc: string])[]): string => `${items.map(([name, doc]) => `- \`${name}\`: ${doc}`).join("\n")}\n`;

function operation(op: SurfaceOp): string {
  const signature = /^\w/.test(op.name) ? `${op.name}(${op.parameters.map(formal).join(", ")}${op.weights ? ", w=" : ""})` : `a ${op.name} b`;
  const parameters = op.parameters.filter((p) => p.name !== "x" && p.name !== "a" && p.name !== "b").map(parameter);
  const known = op.foreign.length === 0 ? [] : [`Known elsewhere as ${op.foreign.slice(0, 5).map((n) => `\`${n}\``).join(", ")}.\n`];
  return [`#### \`${signature}\`\n`, `${op.doc}\n`, ...(parameters.length === 0 ? [] : [`${parameters.join("\n")}\n`]), ...known].join("\n");
}

const formal = (p: SurfaceParameter): string => (p.required ? (p.kind === "tensors" ? `${p.name}, …` : p.name) : `${p.name}=`);

function parameter({ name, doc, choices, fallback }: SurfaceParameter): string {
  const words = choices === undefined ? "" : `: ${choices.map((c) => `\`${c}\``).join(", ")}`;
  return `- \`${name}\`: ${doc}${words}${fallback === undefined ? "" : `; default ${fallback}`}`;
}

/** The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced by the sections of those names. */
export function withSections(text: string, sections: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [name, body] of sections) {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [result.indexOf(open), result.indexOf(close)];
    if (from < 0 || to < from) throw new Error(`internal: the document has no section ${name}`);
    result = `${result.slice(0, from + open.length)}\n${body}${result.slice(to)}`;
  }
  return result;
}
