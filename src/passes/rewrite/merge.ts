import type { Op, ValueId } from "../../ir/module.ts";
import { bindingsOf, STORAGE_BINDINGS, type Defs } from "./bindings.ts";
import type { Place, Rewriter } from "./rewriter.ts";
import type { Tile } from "./tile.ts";

/**
 * Where one op may stand that does the work of `first` (already emitted) and of the op being visited, which also reads
 * `others`. At the visited op's place when nothing in between reads a result of `first`; else in the place of `first`
 * when everything else it reads exists there. Otherwise merging might close a cycle, and the answer is undefined.
 */
export function mergePlace(rw: Rewriter, first: Op, others: readonly ValueId[]): Place | undefined {
  if (others.some((value) => first.results.includes(value))) return undefined;
  if (!first.results.some((value) => rw.readSoFar(value))) return "end";
  if (others.every((value) => rw.precedes(value, first))) return first;
  return undefined;
}

/** Why a tile cannot be one kernel, or undefined. */
export function tooManyBindings(defs: Defs, tile: Tile): string | undefined {
  const count = bindingsOf(defs, tile);
  return count <= STORAGE_BINDINGS ? undefined : `the kernel would bind ${count} storage buffers, at most ${STORAGE_BINDINGS} are portable`;
}
