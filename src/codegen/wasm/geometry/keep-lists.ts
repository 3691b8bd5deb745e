import { LISTS } from "../../../runtime/cpu/fields.ts";
import type { Func, Local } from "../func.ts";
import { i32 } from "../wat.ts";

/**
 * Ends a tile: its lists, [block, to) in scratch memory, go behind those that other tiles have put there, and the tile's
 * word says where. Which tile comes first depends on the threads; what its lists hold does not.
 */
export function keepLists(f: Func, lists: Local, tile: Local, block: Local, to: Local): void {
  const bytes = f.let("listBytes", i32.sub(to.get, block.get));
  const at = f.let("listsAt", ["i32.atomic.rmw.add", i32.add(lists.get, 4 * LISTS.end), bytes.get]);
  f.add(i32.store(i32.add(lists.get, i32.mul(tile.get, 4)), at.get, 4 * LISTS.tiles));
  f.add(["memory.copy", i32.add(lists.get, at.get), block.get, bytes.get]);
}
