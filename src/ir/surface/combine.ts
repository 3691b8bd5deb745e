import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Label } from "../../parser/diagnostics/diagnostic.ts";
import type { SiteId, SiteTable } from "../sites.ts";
import type { FeatType, VecType } from "../types.ts";
import { printGeometry } from "./geometry.ts";
import { required, type SurfaceOp } from "./op.ts";
import type { Operand, Use } from "./use.ts";

type Rows = Operand<FeatType | VecType>;

function rowsOf(use: Use, operand: Operand): Rows | undefined {
  if (operand.type.kind === "feat" || operand.type.kind === "vec") return { ...operand, type: operand.type };
  return use.wrongKind(operand, "sparse features or a vector per batch item");
}

/** Reports values on different sites, with how each came to its own. */
function differentSites(use: Use, a: Rows, b: Rows): undefined {
  const where = (x: Rows): string => (x.type.kind === "vec" ? "this is a vector per batch item" : `this is on ${x.type.sites}`);
  const labels: Label[] = [{ span: use.call.span, text: "not the same sites" }, { span: a.span, text: where(a) }, { span: b.span, text: where(b) }];
  for (const x of [a, b]) {
    const origin = use.net.origin({ id: x.id });
    if (origin.file !== x.span.file || origin.start < x.span.start || origin.end > x.span.end) labels.push({ span: origin, text: `made here, on ${x.type.sites}` });
  }
  const notes = [a, b].flatMap((x) => (x.type.kind === "feat" && use.net.sites.def(x.type.sites).kind !== "input" ? [`${x.type.sites} is ${derivation(use.net.sites, x.type.sites)}`] : []));
  return use.report(diagnose("SP0401", { operation: use.name }, labels, { notes: [...new Set(notes)], help: { text: "bring one over first: `conv` leads to coarser sites, `up` back to finer ones" } }));
}

/** How a set came to be: `S, then k=3 s=2 p=1`. */
function derivation(table: SiteTable, id: SiteId): string {
  const def = table.def(id);
  if (def.kind === "input") return `the input set ${id}`;
  const parent = table.def(def.of).kind === "input" ? def.of : derivation(table, def.of);
  return `${parent}, then ${def.kind === "floor" ? `floor(c / ${def.stride.every((s) => s === def.stride[0]) ? def.stride[0] : `[${def.stride.join(", ")}]`})` : printGeometry(def)}`;
}

function elementwise(name: string, op: "add" | "mul", doc: string): SurfaceOp {
  return {
    name,
    doc,
    weights: false,
    foreign: [],
    parameters: [required("a", "tensor", "left side"), required("b", "tensor", "right side")],
    build(use) {
      const [a, b] = [rowsOf(use, use.operand("a")), rowsOf(use, use.operand("b"))];
      if (a === undefined || b === undefined) return undefined;
      if (a.type.kind !== b.type.kind || a.type.sites !== b.type.sites) return differentSites(use, a, b);
      if (a.type.channels === b.type.channels) return use.add(op, [a.id, b.id], {});
      const labels = [
        { span: use.call.span, text: "" },
        { span: a.span, text: `${a.type.channels} channels` },
        { span: b.span, text: `${b.type.channels} channels` },
      ];
      return use.report(diagnose("SP0303", { operation: name, left: a.type.channels, right: b.type.channels }, labels));
    },
  };
}

export const plus = elementwise("+", "add", "Adds features element by element, on the same sites.");
export const times = elementwise("*", "mul", "Multiplies features element by element, on the same sites: a gate.");

export const cat: SurfaceOp = {
  name: "cat",
  doc: "Puts the channels of several values on the same sites side by side. Takes values or a list of them.",
  weights: false,
  foreign: ["JoinTable", "concat", "concatenate", "Concat"],
  parameters: [required("values", "tensors", "the values, in channel order")],
  foreignArguments: {
    dim: { kind: "needless", why: "`cat` joins channels, there is no other axis to choose" },
    axis: { kind: "needless", why: "`cat` joins channels, there is no other axis to choose" },
  },
  build(use) {
    const parts: Rows[] = [];
    for (const operand of use.operands("values")) {
      const rows = rowsOf(use, operand);
      if (rows === undefined) return undefined;
      parts.push(rows);
    }
    const [first, ...rest] = parts;
    if (first === undefined) return use.report(diagnose("SP0207", { operation: "cat", parameter: "values" }, [{ span: use.call.span, text: "nothing to join" }]));
    const other = rest.find((x) => x.type.kind !== first.type.kind || x.type.sites !== first.type.sites);
    if (other !== undefined) return differentSites(use, first, other);
    return rest.length === 0 ? first.id : use.add("cat", parts.map((x) => x.id), {});
  },
};
