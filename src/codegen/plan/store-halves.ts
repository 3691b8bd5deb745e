import type { AttrValue, Module, Op, ValueId } from "../../ir/module.ts";
import { isList, string } from "../../ir/module.ts";

/** How rows between kernels are stored. What kernels compute, and what callers give and get, is float32 either way. */
export type Storage = "f32" | "f16";

/**
 * The plan with rows between kernels, and between the two convolutions of a pair, stored as float16: half the bytes for
 * every gathered row. Products, sums and epilogues stay float32. Inputs, outputs, dense results and rows per batch item
 * stay float32, too, and so do masks and what they are made of, since what decides sites is not rounded, and whole numbers
 * of more than 8 bits; those of 8 bits are exact in float16.
 */
export function storeHalves(plan: Module): Module {
  const outputs = new Set(plan.outputs.map((o) => o.value));
  const masks = new Set(plan.ops.flatMap((op) => (op.name === "step.prune" || op.name === "step.active" ? op.operands : [])));
  const halves = new Set<ValueId>();
  const ops = plan.ops.map((op): Op => {
    if (op.name === "buffer") {
      const { rows, input, fractions, zero, exact } = op.attrs;
      if (outputs.has(op.results[0]!) || masks.has(op.results[0]!) || rows === "batch" || input !== "" || fractions !== "" || zero === true || exact === true) return op;
      halves.add(op.results[0]!);
      return { ...op, attrs: { ...op.attrs, half: true } };
    }
    if (!op.name.startsWith("step.") || op.name === "step.geometry") return op;
    const roles = op.attrs["roles"] as readonly string[];
    const stored = new Set(roles.filter((_, i) => halves.has(op.operands[i]!)));
    const between = op.name === "step.pair" ? { half: true } : {};
    return stored.size === 0 && op.name !== "step.pair" ? op : { ...op, attrs: { ...op.attrs, spec: { ...(marked(op.attrs["spec"]!, stored) as object), ...between } } };
  });
  return { ...plan, ops };
}

/** A specification whose accesses to rows of these roles say that they are halves. */
function marked(value: AttrValue, roles: ReadonlySet<string>): AttrValue {
  if (isList(value)) return value.map((item) => marked(item, roles));
  if (typeof value !== "object") return value;
  const fields = value as { readonly [key: string]: AttrValue };
  const copy = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, marked(field, roles)]));
  // Only accesses to rows have a stride; dense targets and maps have other things.
  return "stride" in fields && "role" in fields && roles.has(string(fields, "role")) ? { ...copy, half: true } : copy;
}
