import { optionRange } from "./options.ts";
import type { Pass } from "./pass.ts";
import { presets } from "./presets.ts";
import { passes } from "./registry.ts";

/** docs/PASSES.md, from the registry. */
export function passesDocument(): string {
  return [
    "# Passes",
    "",
    "Generated from `src/passes/registry.ts` by `scripts/generate-pass-docs.ts`; do not edit.",
    "",
    "A pipeline is text: `lower,reuse-rulebooks{slices=false},fuse-pairs{pairs=always}`. `spnet opt FILE.spir --pipeline=…` runs it,",
    "`spnet dump FILE --after PASS` shows what a pass left. Every pass may be run alone, in any order that its level allows.",
    "",
    "## Presets",
    "",
    ...Object.entries(presets).map(([name, text]) => `- \`-${name}\`: \`${text}\``),
    "",
    ...[...passes.values()].flatMap(section),
  ].join("\n");
}

function section(pass: Pass): readonly string[] {
  const options = Object.entries(pass.options).map(([name, def]) => `| \`${name}\` | ${optionRange(def).replaceAll("|", ", ")} | ${def.default} | ${def.doc} |`);
  return [
    `## ${pass.name}`,
    "",
    `${pass.from === pass.to ? `On \`${pass.from}\`` : `From \`${pass.from}\` to \`${pass.to}\``}: ${pass.summary}.`,
    "",
    "Legal when:",
    "",
    ...pass.legality.map((line) => `- ${line}`),
    "",
    ...(options.length > 0 ? ["| option | values | default | meaning |", "|---|---|---|---|", ...options, ""] : []),
    ...table("Counters", Object.entries(pass.stats)),
  ];
}

function table(title: string, entries: readonly (readonly [string, string])[]): readonly string[] {
  if (entries.length === 0) return [];
  return [`${title}:`, "", ...entries.map(([name, doc]) => `- \`${name}\`: ${doc}`), ""];
}
