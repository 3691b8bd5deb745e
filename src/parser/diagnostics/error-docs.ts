import { catalog } from "./catalog.ts";
import { elsewhere } from "./catalog/elsewhere.ts";
import type { Entry } from "./catalog/entry.ts";

const ranges: readonly (readonly [prefix: string, title: string])[] = [
  ["SP00", "Characters, numbers and texts"],
  ["SP01", "Syntax"],
  ["SP02", "Names, imports and what runs when compiling"],
  ["SP03", "Channels and kinds of values"],
  ["SP04", "Sites and geometry"],
  ["SP05", "Weights"],
  ["SP06", "Devices and their limits"],
  ["SP07", "Warnings"],
  ["SP08", "Input data"],
  ["SP09", "Faults of the compiler, and the text form of modules"],
];

/** docs/ERRORS.md: every code, with why it is and how it is mended. */
export function errorsDocument(): string {
  const entries = Object.entries(catalog as Readonly<Record<string, Entry>>);
  const parts = ranges.map(([prefix, title]) => {
    const own = entries.filter(([code]) => code.startsWith(prefix)).map(([code, entry]) => section(code, entry));
    const others = Object.entries(elsewhere).filter(([code]) => code.startsWith(prefix));
    const table = others.length === 0 ? [] : [`| code | meaning |\n|---|---|\n${others.map(([code, meaning]) => `| ${code} | ${meaning} |`).join("\n")}\n`];
    return [`## ${prefix}: ${title}\n`, ...own, ...table].join("\n");
  });
  return `# Messages\n\nGenerated from \`src/parser/diagnostics/catalog\`; a test compiles every example. Words in braces are filled in.\n\n${parts.join("\n")}`;
}

function section(code: string, { severity, message, explain, bad, good }: Entry): string {
  const example = (title: string, text: string | undefined): readonly string[] => (text === undefined ? [] : [`${title}:\n\n\`\`\`spnet\n${text.trimEnd()}\n\`\`\`\n`]);
  const kind = severity === "warning" ? " (warning)" : "";
  return [`### ${code}${kind}\n`, `> ${message}\n`, `${explain}\n`, ...example("Wrong", bad), ...example("Right", good)].join("\n");
}
