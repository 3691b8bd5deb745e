import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../src/cli/random.ts";
import { packageRoot } from "../../src/cli/version.ts";
import { randomWeights } from "../../src/cli/weights/random-weights.ts";
import { weightLookup } from "../../src/cli/weights-options.ts";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import { compileSource } from "../../src/ir/from-source.ts";
import type { Module } from "../../src/ir/module.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { parsePipeline } from "../../src/passes/pipeline.ts";
import { presets } from "../../src/passes/presets.ts";
import type { Arithmetic } from "../../src/runtime/cpu/plan.ts";
import type { CpuNetwork } from "../../src/runtime/cpu/network.ts";
import { openCpu } from "../../src/runtime/cpu/open.ts";
import type { CreateOptions } from "../../src/runtime/index.ts";

export type AnyCpuNetwork = CpuNetwork<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>>;

/** A cloud of sites: i32 rows (batch, axes…). */
export interface Cloud {
  readonly name: string;
  readonly rows: number;
  readonly coords: Int32Array<ArrayBuffer>;
}

/** One submanifold layer. */
export const layerText = (channels: number): string => `spnet 1
export net Layer {
  sites S : (x, y, z)
  input v : feat[S, ${channels}]
  let y = v |> subm(${channels}, k=3, w="conv")
  output out = y
}
`;

/** One submanifold layer after a relu. */
export const reluLayerText = (channels: number): string => layerText(channels).replace("v |> subm", "v |> relu |> subm");

/** A product with a matrix, row by row. */
export const denseText = (channels: number): string => `spnet 1
export net Dense {
  sites S : (z, y, x)
  input v : feat[S, ${channels}]
  output out = v |> linear(${channels}, w="linear")
}
`;

/** An example's text, with parts replaced. */
export function exampleText(name: string, ...edits: readonly (readonly [from: string, to: string])[]): string {
  let text = readFileSync(join(packageRoot(), "examples", `${name}.spnet`), "utf8");
  for (const [from, to] of edits) {
    if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
    text = text.replace(from, to);
  }
  return text;
}

export function netOf(text: string): Module {
  const folder = join(packageRoot(), "examples");
  const main = join(folder, "bench.spnet");
  const readFile = (path: string): string | undefined => (path === main ? text : readFileSync(path, "utf8"));
  const { module, diagnostics } = compileSource(main, { readFile });
  if (module === undefined) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return module;
}

/** A network on the CPU with random weights. */
export async function openNet(net: Module, options: Omit<CreateOptions, "weights">, arithmetic: Arithmetic, passes = presets.O2): Promise<AnyCpuNetwork> {
  const { pipeline } = parsePipeline(passes);
  if (pipeline === undefined) throw new Error(`malformed pipeline ${passes}`);
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(runPipeline(net, pipeline).module), arithmetic);
  return await openCpu(plan, await assembleWat(wat), { ...options, weights: weightLookup(randomWeights(net, 1)) });
}

/** Random features for the one input of a network, positive in a part of the places. */
export function randomFeatures(rows: number, channels: number, positive = 0.5): Float32Array<ArrayBuffer> {
  const random = new Random(1, "features");
  return Float32Array.from({ length: rows * channels }, () => random.next() - 1 + positive);
}
