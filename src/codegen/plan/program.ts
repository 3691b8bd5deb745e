import { printLoc } from "../../ir/loc.ts";
import { number, numbers, string, type AttrValue, type Module, type Op, type ValueId } from "../../ir/module.ts";
import type { LoadOp, ParamBlock } from "../../runtime/load.ts";
import type { BufferPlan, InputPlan, OutputPlan, Rows, StepBinding, StepPlan } from "../../runtime/plan.ts";
import { compileGeometry, rowCountIndex, type GeometrySpec } from "../wgsl/geometry/index.ts";
import { buildKernel } from "../wgsl/kernels/index.ts";
import type { FeatureSpec, Kernel } from "../wgsl/spec.ts";
import type { Program } from "./emit-module.ts";
import { describeStep, stepMacs } from "./describe.ts";
import type { SpecBody } from "./step-draft.ts";

/** Plan module → plan data and kernel texts. `source` is the `.spnet` file's name. */
export function buildProgram(module: Module, source: string): Program {
  const builder = new ProgramBuilder(module);
  return builder.build(source);
}

/** The geometry a plan module asks for. */
export function geometrySpec(module: Module): GeometrySpec {
  const op = module.ops.find((o) => o.name === "step.geometry");
  if (op === undefined) throw new Error("internal: a plan without geometry");
  return { sites: op.attrs["sites"], rulebooks: op.attrs["rulebooks"] } as unknown as GeometrySpec;
}

class ProgramBuilder {
  readonly #module: Module;
  readonly #spec: GeometrySpec;
  readonly #site = new Map<string, number>();
  readonly #buffers = new Map<ValueId, number>();
  readonly #blocks = new Map<ValueId, number>();
  readonly #regions = new Map<ValueId, StepBinding>();

  constructor(module: Module) {
    this.#module = module;
    this.#spec = geometrySpec(module);
    this.#spec.sites.forEach((s, i) => this.#site.set(s.id, i));
  }

  build(source: string): Program {
    const geometry = compileGeometry(this.#spec);
    const load: LoadOp[] = [];
    const blocks: ParamBlock[] = [];
    const buffers: BufferPlan[] = [];
    const inputs: InputPlan[] = [];
    const kernels: Kernel[] = [...geometry.kernels];
    const steps: StepPlan[] = [];
    const values = new Map<ValueId, number>();
    for (const op of this.#module.ops) {
      if (op.name === "param" || op.name.startsWith("fold.")) {
        values.set(op.results[0]!, load.length);
        load.push(loadOp(op, values));
      } else if (op.name === "pack") {
        this.#blocks.set(op.results[0]!, blocks.length);
        blocks.push(packBlock(op, values));
      } else if (op.name === "buffer") {
        this.#buffers.set(op.results[0]!, buffers.length);
        const input = string(op.attrs, "input");
        if (input !== "") inputs.push(this.#input(op, input, buffers.length));
        buffers.push(this.#buffer(op));
      } else if (op.name === "step.geometry") {
        this.#addRegions(op);
      } else {
        const { step, kernel } = this.#step(op, steps.length);
        steps.push(step);
        kernels.push(kernel);
      }
    }
    const outputs = this.#module.outputs.map((o): OutputPlan => this.#output(o.name, o.value, buffers));
    const interfaces = kernels.map((k) => ({ name: k.name, access: k.bindings.map((b) => b.access) }));
    return { plan: { name: this.#module.name, inputs, outputs, load, blocks, kernels: interfaces, geometry: geometry.plan, buffers, steps }, kernels, source };
  }

  #rows(rows: string): Rows {
    return rows === "batch" ? "batch" : { site: this.#site.get(rows)! };
  }

  #buffer(op: Op): BufferPlan {
    const [first, last] = numbers(op.attrs, "live") as readonly [number, number];
    const width = numbers(op.attrs, "shape").reduce((a, b) => a * b, 1);
    return { label: string(op.attrs, "label"), rows: this.#rows(string(op.attrs, "rows")), width, live: [first, last], zero: op.attrs["zero"] === true };
  }

  #input(op: Op, name: string, buffer: number): InputPlan {
    const site = string(op.attrs, "rows");
    return { name, site: this.#site.get(site)!, axes: this.#module.sites.axes(site), channels: numbers(op.attrs, "shape")[0]!, buffer };
  }

  #output(name: string, value: ValueId, buffers: readonly BufferPlan[]): OutputPlan {
    const buffer = this.#buffers.get(value)!;
    const op = this.#module.ops.find((o) => o.results[0] === value)!;
    const shape = numbers(op.attrs, "shape");
    const kind = buffers[buffer]!.rows !== "batch" ? "feat" : shape.length > 1 ? "dense" : "vec";
    return { name, buffer, kind, shape };
  }

  #addRegions(op: Op): void {
    const regions = op.attrs["regions"] as readonly { readonly [key: string]: AttrValue }[];
    regions.forEach((r, i) => {
      const binding: StepBinding =
        r["coords"] === undefined
          ? { bind: "map", rulebook: Number(r["rulebook"]), form: r["form"] as "forward" | "transposed" | "halo" }
          : { bind: "coords", site: this.#site.get(String(r["coords"]))! };
      this.#regions.set(op.results[i]!, binding);
    });
  }

  #step(op: Op, index: number): { readonly step: StepPlan; readonly kernel: Kernel } {
    const rows = string(op.attrs, "rows");
    const body = { kind: op.name.slice("step.".length), ...(op.attrs["spec"] as object) } as SpecBody;
    const description = describeStep(this.#module, op, body, index);
    const spec = { ...body, name: description.name, header: description.header, rows: rowCountIndex(this.#spec, rows) } as FeatureSpec;
    const kernel = buildKernel(spec);
    const roles = op.attrs["roles"] as readonly string[];
    const byRole = new Map(roles.map((role, i) => [role, op.operands[i]!]));
    const bindings = kernel.bindings.map((b): StepBinding => {
      if (b.role === "counts") return { bind: "counts" };
      const value = byRole.get(b.role);
      if (value === undefined) throw new Error(`internal: ${op.name} has no operand for ${b.role}`);
      const block = this.#blocks.get(value);
      if (block !== undefined) return { bind: "params", block };
      const buffer = this.#buffers.get(value);
      return buffer === undefined ? this.#regions.get(value)! : { bind: "buffer", buffer };
    });
    const step: StepPlan = {
      kernel: kernel.name, source: printLoc(op.loc), rows: this.#rows(rows),
      rowsPerGroup: kernel.rowsPerGroup, groupsPerTile: kernel.groupsPerTile, bindings,
      macs: stepMacs(body, (role) => {
        const region = this.#regions.get(byRole.get(role)!);
        return region?.bind === "map" ? region.rulebook : -1;
      }),
    };
    return { step, kernel };
  }
}

function loadOp(op: Op, values: ReadonlyMap<ValueId, number>): LoadOp {
  const args = op.operands.map((v) => values.get(v)!);
  switch (op.name) {
    case "param":
      return { op: "param", name: string(op.attrs, "name"), role: string(op.attrs, "role"), layout: string(op.attrs, "layout"), shape: numbers(op.attrs, "shape") };
    case "fold.bn_scale":
      return { op: "bn_scale", args, eps: number(op.attrs, "eps") };
    case "fold.slice_in":
    case "fold.slice_out":
      return { op: op.name === "fold.slice_in" ? "slice_in" : "slice_out", args, from: number(op.attrs, "from"), to: number(op.attrs, "to") };
    case "fold.bn_shift":
    case "fold.scale_out":
    case "fold.scale_in":
    case "fold.add":
    case "fold.stack_out":
      return { op: op.name.slice("fold.".length) as "bn_shift" | "scale_out" | "scale_in" | "add" | "stack_out", args };
    default:
      throw new Error(`internal: no load step for ${op.name}`);
  }
}

function packBlock(op: Op, values: ReadonlyMap<ValueId, number>): ParamBlock {
  const items = op.attrs["items"] as readonly { readonly value: number; readonly at: number; readonly columns: readonly [number, number] }[];
  return { floats: number(op.attrs, "floats"), items: items.map((i) => ({ value: values.get(op.operands[i.value]!)!, at: i.at, columns: i.columns })) };
}
