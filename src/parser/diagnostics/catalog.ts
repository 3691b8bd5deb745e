import type { Diagnostic, Edit, Label } from "./diagnostic.ts";
import type { Entry, Holes } from "./catalog/entry.ts";
import { channels } from "./catalog/channels.ts";
import { dense } from "./catalog/dense.ts";
import { ground } from "./catalog/ground.ts";
import { lexical } from "./catalog/lexical.ts";
import { lints } from "./catalog/lints.ts";
import { names } from "./catalog/names.ts";
import { numbers } from "./catalog/numbers.ts";
import { points } from "./catalog/points.ts";
import { sites } from "./catalog/sites.ts";
import { syntax } from "./catalog/syntax.ts";
import { weights } from "./catalog/weights.ts";

/** Every diagnostic of the language, by code. Adding one is adding an entry; docs/ERRORS.md and the tests follow. */
export const catalog = { ...lexical, ...syntax, ...names, ...channels, ...numbers, ...sites, ...ground, ...dense, ...points, ...weights, ...lints } as const satisfies Record<string, Entry>;

export type Code = keyof typeof catalog;

export interface Extras {
  readonly notes?: readonly string[];
  readonly help?: { readonly text: string; readonly edits?: readonly Edit[] };
}

/** The diagnostic `code` with its holes filled; the first label is the place of the mistake. */
export function diagnose<C extends Code>(code: C, holes: Readonly<Record<Holes<(typeof catalog)[C]["message"]>, string | number>>, labels: readonly Label[], extras: Extras = {}): Diagnostic {
  const { severity, message } = catalog[code];
  const filled = message.replace(/\{(\w+)\}/g, (_, hole: string) => String((holes as Readonly<Record<string, string | number>>)[hole]));
  return { code, severity, message: filled, labels, ...extras };
}
