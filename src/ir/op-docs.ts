import type { AttrDef, OpDef, OperandDef } from "./ops/op.ts";
import { ops } from "./ops/registry.ts";
import { printAttr } from "./print.ts";

/** docs/OPS.md, from the registry. */
export function opsDocument(): string {
  const all = [...ops.values()];
  const section = (title: string, text: string, list: readonly OpDef[]): readonly string[] => [`## ${title}`, "", text, "", ...list.flatMap(opSection)];
  const folds = (op: OpDef): boolean => op.name.startsWith("fold.");
  const at = (op: OpDef, level: string): boolean => (op.levels as readonly string[]).includes(level);
  return [
    "# Operations",
    "",
    "Generated from `src/ir/ops/registry.ts` by `scripts/generate-op-docs.ts`; do not edit. docs/IR.md explains types, site sets and text form.",
    "",
    ...section("Level net", "The network as it was written.", all.filter((op) => at(op, "net") && !folds(op))),
    ...section("Level fused", "Rulebooks explicit, epilogues attached. Epilogue items are listed in docs/IR.md.", all.filter((op) => at(op, "fused") && !at(op, "net") && !folds(op))),
    ...section("Parameters", "Arithmetic on weights, done once in the load phase.", all.filter(folds)),
    ...section("Level plan", "Steps and memory.", all.filter((op) => at(op, "plan") && !at(op, "net") && !at(op, "fused"))),
  ].join("\n");
}

function opSection(op: OpDef): readonly string[] {
  const attrs = Object.entries(op.attrs).map(([key, def]) => `| \`${key}\` | ${valuesOf(def)} | ${def.default === undefined ? "" : `\`${printAttr(def.default)}\``} | ${def.doc} |`);
  return [
    `### ${op.name}`,
    "",
    op.doc,
    "",
    `Levels: ${op.levels.join(", ")}. Operands: ${op.operands.length === 0 ? "none" : op.operands.map(operandText).join("; ")}.`,
    "",
    ...(attrs.length === 0 ? [] : ["| attribute | values | default | meaning |", "|---|---|---|---|", ...attrs, ""]),
  ];
}

function operandText(def: OperandDef): string {
  const how = def.variadic === true ? " (any number)" : def.optional === true ? " (optional)" : "";
  return `\`${def.name}\` ${def.kinds.join(" or ")}${how}`;
}

const kinds: Readonly<Record<AttrDef["kind"], string>> = {
  int: "whole number",
  float: "number",
  bool: "true, false",
  string: "text",
  ints: "list of whole numbers",
  floats: "list of numbers",
  site: "site set",
  any: "structure",
};

const valuesOf = (def: AttrDef): string => (def.values === undefined ? kinds[def.kind] : def.values.map((v) => `\`"${v}"\``).join(", "));
