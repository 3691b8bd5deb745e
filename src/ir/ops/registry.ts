import type { OpDef } from "./op.ts";
import { inputOp, paramOp } from "./source.ts";
import { convOp, submOp, upOp } from "./conv.ts";

/** Every operation of every level. Adding one is adding a line here and its file beside it. */
const all: readonly OpDef[] = [inputOp, paramOp, submOp, convOp, upOp];

export const ops: ReadonlyMap<string, OpDef> = new Map(all.map((op) => [op.name, op]));

/** The registry entry of `name`; an unknown name is a fault of the compiler (the text reader checks names first). */
export function opDef(name: string): OpDef {
  const def = ops.get(name);
  if (def === undefined) throw new Error(`internal: unknown operation ${name}`);
  return def;
}
