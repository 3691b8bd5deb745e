import type { Loc } from "../../ir/loc.ts";
import type { ValueId } from "../../ir/module.ts";
import type { Rewriter } from "./rewriter.ts";
import type { Item } from "./tile.ts";

/** The epilogue of a sum that has one more bias: one vector with the bias it starts with, if it does. */
export function withBias(rw: Rewriter, bias: ValueId | undefined, epilogue: readonly Item[], loc: Loc): readonly Item[] {
  if (bias === undefined) return epilogue;
  const [first, ...rest] = epilogue;
  if (first?.do !== "bias") return [{ do: "bias", arg: bias }, ...epilogue];
  return [{ do: "bias", arg: rw.one("fold.add", [bias, first.arg], {}, loc) }, ...rest];
}
