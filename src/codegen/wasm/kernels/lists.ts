import { LISTS } from "../../../runtime/cpu/fields.ts";
import type { MapAccess } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Func, Local } from "../func.ts";
import { i32, type Sexpr } from "../wat.ts";
import type { StepFunc } from "./frame.ts";

/** Address of the lists of the step's tile. */
export function tileLists(s: StepFunc, map: MapAccess): Local {
  const start = s.at(map.role);
  return s.f.let("lists", i32.add(start, i32.load(i32.add(start, i32.mul(s.tile.get, 4)), 4 * LISTS.tiles)));
}

/** Begin and end of the list of pairs of one of the layer's taps, in a tile's lists. */
export function listOf(assembly: Assembly, f: Func, lists: Local, map: MapAccess, tap: Local): readonly [begin: Local, end: Local] {
  const at = f.let("listAt", i32.add(lists.get, i32.mul(storedTap(assembly, map, tap), 4)));
  return [f.let("begin", i32.add(lists.get, i32.load(at.get))), f.let("end", i32.add(lists.get, i32.load(at.get, 4)))];
}

/** The stored tap that a tap of the layer reads: by a table, unless they run in step. */
function storedTap(assembly: Assembly, map: MapAccess, tap: Local): Sexpr {
  const first = map.taps[0]!;
  if (map.taps.every((t, i) => t === first + i)) return i32.add(tap.get, first);
  return i32.load(i32.mul(tap.get, 4), assembly.table(map.taps));
}
