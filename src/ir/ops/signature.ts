import { isList, type AttrValue } from "../module.ts";
import { REAL, type Type } from "../types.ts";
import type { AttrDef, InferContext, OpDef } from "./op.ts";

/**
 * Checks operands and attributes (defaults filled in) against the entry's signature, and only then asks its own rule.
 * Reports every problem; the types count only when there was none.
 */
export function inferOp(def: OpDef, ctx: InferContext): readonly Type[] {
  let ok = true;
  const problem = (message: string): void => {
    ok = false;
    ctx.problem(message);
  };
  checkOperands(def, ctx.types, problem);
  for (const [key, value] of Object.entries(ctx.attrs)) {
    const attr = Object.hasOwn(def.attrs, key) ? def.attrs[key] : undefined;
    if (attr === undefined) problem(`unknown attribute ${key}`);
    else checkAttr(key, attr, value, ctx, problem);
  }
  for (const key of Object.keys(def.attrs)) if (ctx.attrs[key] === undefined) problem(`attribute ${key} is missing`);
  return ok ? def.infer(ctx) : [];
}

function checkOperands(def: OpDef, types: readonly Type[], problem: (message: string) => void): void {
  const defs = def.operands;
  const last = defs.at(-1);
  const most = last?.variadic === true ? Number.POSITIVE_INFINITY : defs.length;
  const least = defs.filter((d) => d.optional !== true && d.variadic !== true).length;
  if (types.length < least || types.length > most) {
    const count = least === most ? String(least) : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`;
    problem(`takes ${count} operand${/^(at least )?1$/.test(count) ? "" : "s"}, given ${types.length}`);
    return;
  }
  types.forEach((type, i) => {
    const wanted = defs[Math.min(i, defs.length - 1)]!;
    if (!wanted.kinds.includes(type.kind)) problem(`operand ${i} (${wanted.name}) is a ${type.kind}, expected ${wanted.kinds.join(" or ")}`);
    else if ("dtype" in type && !(wanted.numbers ?? REAL).includes(type.dtype)) problem(`operand ${i} (${wanted.name}) is ${type.dtype}, expected ${(wanted.numbers ?? REAL).join(" or ")}`);
  });
}

function checkAttr(key: string, def: AttrDef, value: AttrValue, ctx: InferContext, problem: (message: string) => void): void {
  if (!ofKind(def.kind, value)) {
    problem(`attribute ${key} must be ${expectation[def.kind]}`);
    return;
  }
  if (def.values !== undefined && !def.values.includes(value as string)) problem(`attribute ${key} is "${value as string}", expected ${def.values.join(" or ")}`);
  if (def.kind === "site" && value !== def.default && !ctx.sites.has(value as string)) problem(`unknown site set @${value as string}`);
}

const expectation: Readonly<Record<AttrDef["kind"], string>> = {
  int: "a whole number",
  float: "a finite number",
  bool: "true or false",
  string: "a string",
  ints: "a list of whole numbers",
  floats: "a list of finite numbers",
  site: "a site set",
  any: "a value without infinities",
};

function ofKind(kind: AttrDef["kind"], value: AttrValue): boolean {
  switch (kind) {
    case "int":
      return Number.isSafeInteger(value);
    case "float":
      return Number.isFinite(value);
    case "bool":
      return typeof value === "boolean";
    case "string":
    case "site":
      return typeof value === "string";
    case "ints":
      return isList(value) && value.every((n) => Number.isSafeInteger(n));
    case "floats":
      return isList(value) && value.every((n) => Number.isFinite(n));
    case "any":
      return allFinite(value);
  }
}

function allFinite(value: AttrValue): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || Object.values(value).every(allFinite);
}
