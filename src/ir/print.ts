import { printLoc, type Loc } from "./loc.ts";
import { isList, type AttrValue, type Module, type Op } from "./module.ts";
import type { AttrDef } from "./ops/op.ts";
import { ops } from "./ops/registry.ts";
import type { SiteId, SiteTable } from "./sites.ts";
import { printType } from "./types.ts";
import type { Problem } from "./verify.ts";

export interface PrintOptions {
  /** Source locations; without them a text does not read back as the same module. Default true. */
  readonly locations?: boolean;
  /** Problems of the verifier, printed as comments under the lines they are about. */
  readonly problems?: readonly Problem[];
}

/** The `.spir` text of a module, of any level, one line per op. `readModule` reads it back without loss. */
export function printModule(module: Module, { locations = true, problems = [] }: PrintOptions = {}): string {
  const place = (loc: Loc): string => (locations && loc.length > 0 ? ` loc(${printLoc(loc)})` : "");
  const complaints = new Map<number | undefined, string[]>();
  for (const { op, message } of problems) complaints.set(op, [...(complaints.get(op) ?? []), `// error: ${message.replaceAll("\n", " ")}`]);
  const lines = [`spir 1 ${module.level} ${JSON.stringify(module.name)}`, ...(complaints.get(undefined) ?? [])];
  for (const id of module.sites.ids) lines.push(`sites @${id} = ${printSites(module.sites, id)}`);
  module.ops.forEach((op, index) => lines.push(`${printOp(op, module)}${place(op.loc)}`, ...(complaints.get(index) ?? [])));
  for (const { name, value, loc } of module.outputs) lines.push(`output ${JSON.stringify(name)} = %${value}${place(loc)}`);
  return `${lines.join("\n")}\n`;
}

/** One op without its location: `%3 = relu %1 : feat<@S, 16, f32>`. */
function printOp(op: Op, module: Module): string {
  const results = op.results.length === 0 ? "" : `${values(op.results)} = `;
  const operands = op.operands.length === 0 ? "" : ` ${values(op.operands)}`;
  const attrs = printAttrs(op);
  const types = op.results.map((v) => {
    const type = module.types.get(v);
    return type === undefined ? "?" : printType(type);
  });
  return `${results}${op.name}${operands}${attrs}${types.length === 0 ? "" : ` : ${types.join(", ")}`}`;
}

const values = (ids: readonly number[]): string => ids.map((v) => `%${v}`).join(", ");

/** Attributes in the registry's order, those equal to their default left out. */
function printAttrs(op: Op): string {
  const defs: Readonly<Record<string, AttrDef>> = ops.get(op.name)?.attrs ?? {};
  const keys = [...Object.keys(defs), ...Object.keys(op.attrs).filter((key) => !Object.hasOwn(defs, key))];
  const entries = keys.flatMap((key) => {
    const value = op.attrs[key];
    const def = defs[key];
    if (value === undefined || (def?.default !== undefined && sameAttr(value, def.default))) return [];
    return [`${printKey(key)} = ${def?.kind === "site" && typeof value === "string" ? `@${value}` : printAttr(value)}`];
  });
  return entries.length === 0 ? "" : ` {${entries.join(", ")}}`;
}

/** JSON-like, with `key = value` in objects; numbers in their shortest form that reads back. */
export function printAttr(value: AttrValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "boolean") return String(value);
  if (isList(value)) return `[${value.map(printAttr).join(", ")}]`;
  return `{${Object.entries(value).map(([key, v]) => `${printKey(key)} = ${printAttr(v)}`).join(", ")}}`;
}

const printKey = (key: string): string => (/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key));

/** Structural equality of attribute values; keys in any order. */
function sameAttr(a: AttrValue, b: AttrValue): boolean {
  if (typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  if (isList(a) !== isList(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([key, value]) => right.has(key) && sameAttr(value, right.get(key)!));
}

function printSites(table: SiteTable, id: SiteId): string {
  const def = table.def(id);
  const list = (key: string, numbers: readonly number[]): string => `${key} = [${numbers.join(", ")}]`;
  switch (def.kind) {
    case "input":
    case "full":
      return `${def.kind}(${def.axes.map((axis, i) => (def.extents === undefined ? axis : `${axis}: ${def.extents[i]}`)).join(", ")})`;
    case "points":
      return `points(${def.axes.join(", ")})`;
    case "voxels": {
      const axes = def.axes.map((axis) => JSON.stringify(axis)).join(", ");
      const extents = def.extents === undefined ? [] : [list("extents", def.extents)];
      return `voxels(@${def.of}) {axes = [${axes}], ${[...extents, list("size", def.size), list("origin", def.origin)].join(", ")}, rounding = "${def.rounding}", outside = "${def.outside}"${def.maxVoxels === undefined ? "" : `, max_voxels = ${def.maxVoxels}`}}`;
    }
    case "floor":
      return `floor(@${def.of}) {${list("stride", def.stride)}}`;
    case "reach":
    case "generate": {
      const { kernel, stride, padding, dilation } = def;
      const lists = [list("kernel", kernel), list("stride", stride), list("padding", padding), list("dilation", dilation)];
      if (def.kind === "generate") lists.push(list("output_padding", def.outputPadding));
      return `${def.kind}(@${def.of}) {${lists.join(", ")}}`;
    }
    case "prune":
      return `prune(@${def.of})`;
    case "union":
      return `union(${def.of.map((id) => `@${id}`).join(", ")})`;
  }
}
