import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { optional } from "./op.ts";
import type { Use } from "./use.ts";

export const groupsParameter = optional("groups", "int", "groups of channels convolved apart; `groups=channels(x)` is a depthwise convolution", { fallback: "1" });

/** The groups of a convolution, which must divide the channels on both sides; undefined after reporting. */
export function readGroups(use: Use, cin: number, cout: number): number | undefined {
  const value = use.value("groups");
  const groups = value?.kind === "int" ? value.value : 1;
  if (groups >= 1 && cin % groups === 0 && cout % groups === 0) return groups;
  return use.report(diagnose("SP0445", { groups, cin, cout }, [{ span: use.spanOf("groups"), text: `${cin} channels in, ${cout} out` }]));
}
