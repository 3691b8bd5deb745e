import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import { compileSource, type CompileOptions } from "../../src/ir/from-source.ts";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { InputTensor, ParamTensor, Value } from "../../src/ir/interp/value.ts";
import { number, numbers, siteAttr, string, type Attrs, type Level, type Module, type ValueId } from "../../src/ir/module.ts";
import { SiteTable, type SiteId } from "../../src/ir/sites.ts";
import { verify } from "../../src/ir/verify.ts";
import { runPipeline, type PipelineResult } from "../../src/passes/manager.ts";
import { parsePipeline } from "../../src/passes/pipeline.ts";
import { decodeTile, type Item } from "../../src/passes/rewrite/tile.ts";
import { relativeError } from "../support/compare.ts";

/** Runs a pipeline given as text. */
export function run(module: Module, text: string): PipelineResult {
  const { pipeline, diagnostics } = parsePipeline(text);
  expect(diagnostics).toEqual([]);
  return runPipeline(module, pipeline!);
}

const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  } catch {
    return undefined;
  }
};

/** An example network as a net-level module; `params` over the net's own defaults. */
export function example(name: string, params: CompileOptions["params"] = {}): Module {
  const { module, diagnostics } = compileSource(`examples/${name}.spnet`, { readFile, params });
  expect(diagnostics).toEqual([]);
  return module!;
}

/** The example networks, the largest with fewer channels: the same structure, quick to interpret. */
export const examples: readonly (readonly [name: string, params: CompileOptions["params"]])[] = [
  ["second", {}],
  ["centerpoint", {}],
  ["minkunet18", { init: 8, planes: [8, 16, 24, 32, 32, 24, 16, 16] }],
  ["minkunet34", { init: 8, planes: [8, 16, 24, 32, 32, 24, 16, 16] }],
  ["sparse_resunet42", {}],
  ["cylinder3d", { init: 8 }],
  ["strokes2d", {}],
  ["rgbd", {}],
  ["senet", { planes: [16, 32, 48] }],
  ["deepcnet", { width: 6 }],
];

/** A builder with one input `x` on a 2D site set @S; `level` is that of the pass under test. */
export class Draft {
  readonly b: ModuleBuilder;
  readonly sites: SiteId;
  readonly x: ValueId;
  #params = 0;

  constructor(level: Level, channels = 4, extents: readonly number[] | "unbounded" = [12, 10]) {
    const table = new SiteTable();
    this.sites = table.addInput({ kind: "input", name: "S", axes: ["y", "x"], extents: extents === "unbounded" ? undefined : extents });
    this.b = new ModuleBuilder(level, "t", table);
    this.x = this.op("input", [], { name: "x", sites: this.sites, channels });
  }

  /** The last result of an op. */
  op(name: string, operands: readonly ValueId[], attrs: Attrs = {}): ValueId {
    return this.ops(name, operands, attrs).at(-1)!;
  }

  ops(name: string, operands: readonly ValueId[], attrs: Attrs = {}): readonly ValueId[] {
    return this.b.add(name, operands, attrs, [{ file: "t.spnet", line: 1 + this.#params, column: 1 }]);
  }

  param(...shape: number[]): ValueId {
    const role = shape.length === 1 ? "channel" : shape.length === 2 ? "linear" : "conv";
    return this.op("param", [], { name: `p${this.#params++}`, role, layout: "spconv1", shape });
  }

  channels(x: ValueId): number {
    const type = this.b.typeOf(x);
    if (type.kind !== "feat" && type.kind !== "vec") throw new Error("not rows");
    return type.channels;
  }

  /** Net level: a centred submanifold convolution. */
  subm(x: ValueId, cout: number, kernel: readonly number[] = [3, 3], bias = false): ValueId {
    const params = [this.param(...kernel, this.channels(x), cout), ...(bias ? [this.param(cout)] : [])];
    return this.op("subm", [x, ...params], { kernel, padding: kernel.map((k) => (k - 1) / 2), dilation: [1, 1] });
  }

  /** Net level: a strided convolution, 3×3 at stride 2 unless said otherwise. */
  conv(x: ValueId, cout: number, g: { readonly k?: number; readonly p?: number; readonly sites?: string } = {}): ValueId {
    const { k = 3, p = 1, sites = "reach" } = g;
    const params = [this.param(k, k, this.channels(x), cout)];
    return this.op("conv", [x, ...params], { kernel: [k, k], stride: [2, 2], padding: [p, p], dilation: [1, 1], sites });
  }

  linear(x: ValueId, cout: number, bias = false): ValueId {
    return this.op("linear", [x, this.param(this.channels(x), cout), ...(bias ? [this.param(cout)] : [])]);
  }

  bn(x: ValueId): ValueId {
    const c = this.channels(x);
    return this.op("bn", [x, ...["gamma", "beta", "mean", "var"].map((n) => this.op("param", [], { name: `${n}${this.#params++}`, role: "channel", layout: "spconv1", shape: [c] }))], { eps: 0.01 });
  }

  relu(x: ValueId): ValueId {
    return this.op("relu", [x]);
  }

  add(a: ValueId, b: ValueId): ValueId {
    return this.op("add", [a, b]);
  }

  cat(...parts: readonly ValueId[]): ValueId {
    return this.op("cat", parts);
  }

  finish(...outputs: readonly ValueId[]): Module {
    outputs.forEach((value, i) => this.b.output(`out${i}`, value, [{ file: "t.spnet", line: 99, column: 1 }]));
    const module = this.b.finish();
    expect(verify(module)).toEqual([]);
    return module;
  }
}

/** The feature ops of a fused module in a short form: `conv 2 terms: bias relu`, `pool: `, `cat`. */
export function features(module: Module): readonly string[] {
  return module.ops
    .filter((op) => op.name !== "param" && op.name !== "input" && !op.name.startsWith("fold.") && !op.name.startsWith("rulebook."))
    .map((op) => {
      const tile = decodeTile(op);
      if (tile === undefined) return op.name;
      const { head } = tile;
      const terms = head.kind === "conv" && head.terms.length > 1 ? ` ${head.terms.length} terms` : "";
      const first = head.kind === "pair" ? ` (${itemsText(head.first.epilogue)})` : "";
      return `${head.kind}${terms}${first}: ${itemsText(tile.epilogue)}`;
    });
}

const itemsText = (items: readonly Item[]): string => items.map((i) => i.do).join(" ");

export const count = (module: Module, name: string): number => module.ops.filter((op) => op.name === name).length;

/** Numbers in [−1, 1) from a seed and an index, the same everywhere. */
function noise(seed: number, index: number): number {
  let h = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
}

const seedOf = (text: string): number => [...text].reduce((h, ch) => Math.imul(h ^ ch.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5);

const known = new Map<string, Float64Array>();

/** Numbers of a weight by name and shape, made once. */
function weight(name: string, shape: readonly number[]): Float64Array {
  const key = `${name} ${shape.join()}`;
  const data = known.get(key) ?? makeWeight(name, shape);
  known.set(key, data);
  return data;
}

function makeWeight(name: string, shape: readonly number[]): Float64Array {
  const size = shape.reduce((p, n) => p * n, 1);
  const positive = /var/.test(name);
  const scale = shape.length < 2 ? 1 : 1.5 / Math.sqrt(size / shape.at(-1)!);
  const seed = seedOf(name);
  return Float64Array.from({ length: size }, (_, i) => (positive ? 1.5 + noise(seed, i) : scale * noise(seed, i)));
}

/** Weights by name: of the size that keeps values near one, statistics of norms near none, variances positive. */
export function weightsOf(module: Module): (name: string) => ParamTensor {
  const shapes = new Map(module.ops.filter((op) => op.name === "param").map((op) => [string(op.attrs, "name"), numbers(op.attrs, "shape")]));
  return (name) => {
    const shape = shapes.get(name)!;
    return { shape, data: weight(name, shape) };
  };
}

/** A connected cloud of about `sites` sites per batch item for every input. */
export function cloudOf(module: Module, sites: number, batch = 1): Readonly<Record<string, InputTensor>> {
  const clouds = module.ops.filter((op) => op.name === "input").map((op): [string, InputTensor] => {
    const id = siteAttr(op.attrs, "sites");
    const full = module.sites.isFull(id) ? module.sites.extents(id)!.reduce((a, b) => a * b, batch) : 0;
    // A dense tensor has no coordinates; some of its cells hold nothing.
    if (full > 0) return [string(op.attrs, "name"), { coords: [], features: Float64Array.from({ length: full * number(op.attrs, "channels") }, (_, i) => Math.max(0, noise(seedOf(string(op.attrs, "name")), i))) }];
    const def = module.sites.def(id);
    // Points lie closer together than the cells that they are in.
    const coords = def.kind === "points" ? walk(def.axes.length, undefined, sites, batch).map(([item, ...at]) => [item!, ...at.map((c) => Math.fround(0.4 * c))]) : walk(module.sites.dim(id), module.sites.extents(id), sites, batch);
    const channels = number(op.attrs, "channels");
    const seed = seedOf(string(op.attrs, "name"));
    return [string(op.attrs, "name"), { coords: coords.flat(), features: Float64Array.from({ length: coords.length * channels }, (_, i) => noise(seed, i)) }];
  });
  return Object.fromEntries(clouds);
}

/** Distinct rows [batch, …] on random walks from the middle of the grid. */
function walk(dim: number, extents: readonly number[] | undefined, sites: number, batch: number): readonly (readonly number[])[] {
  const rows = new Map<string, readonly number[]>();
  for (let b = 0; b < batch; b++) {
    let at = Array.from({ length: dim }, (_, a) => Math.floor((extents?.[a] ?? 0) / 2));
    for (let i = 0; i < sites * 2; i++) {
      rows.set([b, ...at].join(), [b, ...at]);
      const axis = Math.floor((noise(77 + b, 3 * i) + 1) * 0.5 * dim);
      const step = noise(78 + b, 3 * i + 1) < 0 ? -1 : 1;
      const to = at[axis]! + step;
      if (to >= 0 && to < (extents?.[axis] ?? Number.POSITIVE_INFINITY)) at = at.with(axis, to);
    }
  }
  return [...rows.values()];
}

export type Outputs = ReadonlyMap<string, Value>;

/** What a module computes on a small cloud; weights and input follow from names, so that passes cannot change them. */
export function evaluate(module: Module, sites = 24, batch = 2): Outputs {
  return interpret(module, { inputs: cloudOf(module, sites, batch), params: weightsOf(module), batch });
}

/** The same sites and, up to rounding in float64, the same numbers. */
export function expectSame(actual: Outputs, wanted: Outputs, what = "", tolerance = 1e-12): void {
  expect([...actual.keys()], what).toEqual([...wanted.keys()]);
  for (const [name, b] of wanted) {
    const a = actual.get(name)!;
    if (a.kind === "rulebook" || b.kind === "rulebook") throw new Error("a rulebook is no output");
    if (a.kind === "feat" && b.kind === "feat") expect(a.sites.coords, `${what} ${name}`).toEqual(b.sites.coords);
    expect(relativeError(a.data, b.data), `${what} ${name}`).toBeLessThanOrEqual(tolerance);
  }
}

/** Runs `text` on a module and checks that it computes the same; returns the new module. */
export function checked(module: Module, text: string): Module {
  const after = run(module, text).module;
  expectSame(evaluate(after), evaluate(module), text);
  return after;
}

/** Asserts that the last pass of a pipeline leaves what the others made as it is, the very same object. */
export function expectUnchanged(module: Module, before: string, pass: string): PipelineResult {
  const prepared = before === "" ? module : run(module, before).module;
  const result = run(prepared, pass);
  expect(result.module).toBe(prepared);
  return result;
}
