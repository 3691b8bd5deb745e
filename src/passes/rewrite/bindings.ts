import type { Op, ValueId } from "../../ir/module.ts";
import { emits, endsDense, tileSources, vectorsOf, type Item, type Tile } from "./tile.ts";

/** Storage buffers that a kernel may bind under WebGPU's default limits. */
export const STORAGE_BINDINGS = 8;

/** Who knows the op that defines a value. */
export interface Defs {
  def(value: ValueId): Op | undefined;
}

/**
 * Storage buffers that the kernel of a tile binds: counts, params, one per rulebook block (slices read their parent's),
 * halo tables, one per distinct source, one per target, and coordinates where they are read.
 */
export function bindingsOf(defs: Defs, tile: Tile): number {
  const { head, epilogue } = tile;
  const first = head.kind === "pair" ? head.first.epilogue : [];
  const items = [...first, ...epilogue];
  const maps = new Set(rulebooksOf(tile).map((rb) => blockOf(defs, rb)));
  const params = head.kind === "conv" || head.kind === "grouped" || head.kind === "pair" || items.some(readsParams) ? 1 : 0;
  const halo = head.kind === "pair" ? 1 : 0;
  const dense = endsDense(epilogue) ? 1 : 0;
  // Statistics are rows of their own; whose batch item a row is, its coordinates say, which a scatter reads too.
  const statistics = head.kind === "normalise" && head.over !== "row" ? 1 : 0;
  const coords = dense === 1 || head.kind === "broadcast" || (head.kind === "normalise" && head.over === "item") ? 1 : 0;
  return 1 + params + maps.size + halo + statistics + tileSources(tile).length + emits(items) + 1 + coords;
}

function rulebooksOf({ head }: Tile): readonly ValueId[] {
  switch (head.kind) {
    case "conv":
      return head.terms.flatMap((t) => (t.rb === undefined ? [] : [t.rb]));
    case "grouped":
    case "pool":
    case "pair":
      return [head.rb];
    case "pointwise":
    case "normalise":
    case "broadcast":
      return [];
  }
}

const readsParams = (item: Item): boolean => item.do === "linear" || vectorsOf(item).length > 0;

function blockOf(defs: Defs, rb: ValueId): ValueId {
  let value = rb;
  for (let def = defs.def(value); def?.name === "rulebook.slice"; def = defs.def(value)) value = def.operands[0]!;
  return value;
}
