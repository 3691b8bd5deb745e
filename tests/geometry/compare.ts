import { expect } from "vitest";
import type { Pairs } from "./oracle.ts";

/** The pairs found are those wanted, and nothing was `wrong` before; the first few mistakes are shown. */
export function expectPairs(what: string, found: Pairs, wanted: Pairs, wrong: readonly string[] = []): void {
  const mistakes = [...wrong];
  for (const [key, value] of wanted) if (found.get(key) !== value) mistakes.push(`(${key}) is ${found.get(key)}, not ${value}`);
  for (const key of found.keys()) if (!wanted.has(key)) mistakes.push(`(${key}) should have no pair`);
  expect({ what, wrong: mistakes.slice(0, 5) }).toEqual({ what, wrong: [] });
}
