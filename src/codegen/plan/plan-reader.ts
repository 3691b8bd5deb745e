import { number, numbers, string, type AttrValue, type Module, type Op, type ValueId } from "../../ir/module.ts";
import type { LoadOp, ParamBlock } from "../../runtime/load.ts";
import type { BufferPlan, DeferredPlan, FractionsPlan, InputPlan, OutputPlan, Rows, StepBinding } from "../../runtime/plan.ts";
import type { GeometrySpec } from "./geometry-spec.ts";

/** A plan module with everything numbered as the plan's data numbers it. */
export class PlanReader {
  readonly geometry: GeometrySpec;
  readonly inputs: readonly InputPlan[];
  readonly fractions: readonly FractionsPlan[];
  readonly outputs: readonly OutputPlan[];
  readonly load: readonly LoadOp[];
  readonly blocks: readonly ParamBlock[];
  readonly buffers: readonly BufferPlan[];
  readonly steps: readonly Op[];
  readonly #site = new Map<string, number>();
  readonly #bindings = new Map<ValueId, StepBinding>();

  constructor(module: Module) {
    this.geometry = geometryOf(module);
    this.geometry.sites.forEach((s, i) => this.#site.set(s.id, i));
    const load: LoadOp[] = [];
    const blocks: ParamBlock[] = [];
    const buffers: BufferPlan[] = [];
    const inputs: InputPlan[] = [];
    const fractions: FractionsPlan[] = [];
    const steps: Op[] = [];
    const values = new Map<ValueId, number>();
    for (const op of module.ops) {
      if (op.name === "param" || op.name.startsWith("fold.")) {
        values.set(op.results[0]!, load.length);
        load.push(loadOp(op, values));
      } else if (op.name === "pack") {
        this.#bindings.set(op.results[0]!, { bind: "params", block: blocks.length });
        blocks.push(packBlock(op, values));
      } else if (op.name === "buffer") {
        this.#bindings.set(op.results[0]!, { bind: "buffer", buffer: buffers.length });
        const name = string(op.attrs, "input");
        if (name !== "") inputs.push(this.#input(module, op, name, buffers.length));
        const cells = string(op.attrs, "fractions");
        if (cells !== "") fractions.push({ cells: this.#site.get(cells)!, buffer: buffers.length });
        buffers.push(this.#buffer(op));
      } else if (op.name === "step.geometry") {
        this.#addRegions(op);
      } else if (op.name !== "deferred") {
        steps.push(op);
      }
    }
    [this.load, this.blocks, this.buffers, this.inputs, this.fractions, this.steps] = [load, blocks, buffers, inputs, fractions, steps];
    const defs = new Map(module.ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
    this.outputs = module.outputs.map((o) => this.#output(o.name, o.value, defs.get(o.value)!));
  }

  rows(rows: string): Rows {
    return rows === "batch" ? "batch" : { site: this.#site.get(rows)! };
  }

  bindingOf(value: ValueId): StepBinding {
    const binding = this.#bindings.get(value);
    if (binding === undefined) throw new Error(`internal: %${value} is no memory`);
    return binding;
  }

  bufferOf(value: ValueId): number {
    const binding = this.bindingOf(value);
    if (binding.bind !== "buffer") throw new Error(`internal: %${value} is no feature buffer`);
    return binding.buffer;
  }

  #buffer(op: Op): BufferPlan {
    const [first, last] = numbers(op.attrs, "live") as readonly [number, number];
    const width = numbers(op.attrs, "shape").reduce((a, b) => a * b, 1);
    return { label: string(op.attrs, "label"), rows: this.rows(string(op.attrs, "rows")), width, live: [first, last], ...(op.attrs["zero"] === true ? { zero: true } : {}), ...(op.attrs["half"] === true ? { half: true } : {}) };
  }

  #input(module: Module, op: Op, name: string, buffer: number): InputPlan {
    const site = string(op.attrs, "rows");
    const [channels] = numbers(op.attrs, "shape") as readonly [number];
    const def = module.sites.def(site);
    const shape = def.kind === "full" ? { shape: [channels, ...def.extents] } : {};
    if (def.kind === "points") return { name, site: this.#site.get(site)!, axes: def.axes, positions: true, channels, buffer };
    return { name, site: this.#site.get(site)!, axes: module.sites.axes(site), channels, buffer, ...shape };
  }

  #output(name: string, value: ValueId, op: Op): OutputPlan {
    if (op.name === "deferred") {
      const spec = op.attrs["spec"] as unknown as Omit<DeferredPlan, "site" | "stride" | "offset">;
      const deferred = { ...spec, site: this.#site.get(string(op.attrs, "sites"))!, stride: number(op.attrs, "stride"), offset: number(op.attrs, "offset") };
      return { name, buffer: this.bufferOf(op.operands[0]!), kind: "dense", shape: numbers(op.attrs, "shape"), deferred };
    }
    const buffer = this.bufferOf(value);
    const shape = numbers(op.attrs, "shape");
    const kind = this.buffers[buffer]!.rows !== "batch" ? "feat" : shape.length > 1 ? "dense" : "vec";
    return { name, buffer, kind, shape };
  }

  #addRegions(op: Op): void {
    const regions = op.attrs["regions"] as readonly { readonly [key: string]: AttrValue }[];
    regions.forEach((r, i) => {
      const binding: StepBinding =
        r["coords"] === undefined
          ? { bind: "map", rulebook: Number(r["rulebook"]), form: r["form"] as "forward" | "transposed" | "halo" }
          : { bind: "coords", site: this.#site.get(String(r["coords"]))! };
      this.#bindings.set(op.results[i]!, binding);
    });
  }
}

/** The geometry a plan module asks for. */
function geometryOf(module: Module): GeometrySpec {
  const op = module.ops.find((o) => o.name === "step.geometry");
  if (op === undefined) throw new Error("internal: a plan without geometry");
  return { sites: op.attrs["sites"], rulebooks: op.attrs["rulebooks"] } as unknown as GeometrySpec;
}

function loadOp(op: Op, values: ReadonlyMap<ValueId, number>): LoadOp {
  const args = op.operands.map((v) => values.get(v)!);
  switch (op.name) {
    case "param":
      return paramOp(op);
    case "fold.constant":
      return { op: "constant", value: numbers(op.attrs, "value") };
    case "fold.uniform":
      return { op: "uniform", args, groups: number(op.attrs, "groups") };
    case "fold.activate":
      return { op: "activate", args, do: string(op.attrs, "do"), by: number(op.attrs, "by"), threshold: number(op.attrs, "threshold") };
    case "fold.multiply":
      return { op: "multiply", args, by: number(op.attrs, "by") };
    case "fold.bn_scale":
      return { op: "bn_scale", args, eps: number(op.attrs, "eps") };
    case "fold.slice_in":
    case "fold.slice_out":
      return { op: op.name === "fold.slice_in" ? "slice_in" : "slice_out", args, from: number(op.attrs, "from"), to: number(op.attrs, "to") };
    case "fold.bn_shift":
    case "fold.scale_out":
    case "fold.scale_in":
    case "fold.matmul":
    case "fold.add":
    case "fold.stack_out":
      return { op: op.name.slice("fold.".length) as "bn_shift" | "scale_out" | "scale_in" | "matmul" | "add" | "stack_out", args };
    default:
      throw new Error(`internal: no load step for ${op.name}`);
  }
}

function paramOp(op: Op): LoadOp {
  const [name, shape, role] = [string(op.attrs, "name"), numbers(op.attrs, "shape"), string(op.attrs, "role")];
  const dtype = string(op.attrs, "dtype");
  const whole = dtype === "i8" ? ({ dtype } as const) : dtype === "i32" ? ({ dtype, limit: number(op.attrs, "limit") } as const) : {};
  const groups = number(op.attrs, "groups");
  return { op: "param", name, shape, ...(role === "channel" ? {} : { role, layout: string(op.attrs, "layout") }), ...whole, ...(groups === 1 ? {} : { groups }) };
}

function packBlock(op: Op, values: ReadonlyMap<ValueId, number>): ParamBlock {
  const items = op.attrs["items"] as unknown as ParamBlock["items"];
  return { floats: number(op.attrs, "floats"), items: items.map((i) => ({ ...i, value: values.get(op.operands[i.value]!)! })) };
}
