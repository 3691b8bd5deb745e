import { randomWeights } from "../../src/cli/weights/random-weights.ts";
import { compileSource } from "../../src/ir/from-source.ts";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { Module } from "../../src/ir/module.ts";
import { runLoadPhase, type LoadOp, type WeightTensor } from "../../src/runtime/load.ts";

/** A net written in a test: its module, seeded weights as a file stores them, and as the interpreter wants them. */
export interface SourceNet {
  readonly module: Module;
  readonly weights: (name: string) => WeightTensor | undefined;
  readonly params: (name: string) => { readonly shape: readonly number[]; readonly data: Float64Array };
}

export function netFromText(text: string, seed = 1): SourceNet {
  const { module, diagnostics } = compileSource("test.spnet", { readFile: () => text });
  if (module === undefined) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join("\n"));
  return netFromModule(module, seed);
}

/** A net with seeded weights. */
export function netFromModule(module: Module, seed = 1): SourceNet {
  const stored = randomWeights(module, seed);
  const weights = (name: string): WeightTensor | undefined => {
    const tensor = stored.get(name);
    if (tensor === undefined) return undefined;
    return { shape: tensor.shape, data: new Float32Array(tensor.bytes.slice().buffer) };
  };
  const ops = new Map(module.ops.flatMap((op) => (op.name === "param" ? [[String(op.attrs["name"]), { op: "param", ...op.attrs } as unknown as LoadOp] as const] : [])));
  return { module, weights, params: (name) => runLoadPhase([ops.get(name)!], weights)[0]! };
}

/** Outputs of the interpreter, flat, by name. */
export function reference(net: SourceNet, inputs: Readonly<Record<string, { coords: Int32Array; features: Float32Array }>>, batch: number): Map<string, Float64Array> {
  const values = interpret(net.module, { inputs, params: net.params, batch });
  return new Map([...values].flatMap(([name, v]) => (v.kind === "rulebook" ? [] : [[name, v.data] as const])));
}

/** A repeatable source of numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Distinct random sites, batch items in turn, within `extents` from `origin`, in random order; features beside them. */
export function cloud(seed: number, rows: number, batch: number, extents: readonly number[], channels: number, origin = 0): { coords: Int32Array; features: Float32Array } {
  const random = numbers(seed);
  const seen = new Set<string>();
  const list: number[] = [];
  while (seen.size < rows) {
    const row = [Math.floor(random() * batch), ...extents.map((n) => origin + Math.floor(random() * n))];
    if (seen.has(row.join())) continue;
    seen.add(row.join());
    list.push(...row);
  }
  return { coords: Int32Array.from(list), features: Float32Array.from({ length: rows * channels }, () => random() * 2 - 1) };
}
