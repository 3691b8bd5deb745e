import type { Pipeline } from "../../passes/pipeline.ts";
import { withOptions } from "../../passes/presets.ts";
import type { Tile } from "./tiles.ts";

/** What makes a plan of a network, all of it. */
export interface Choices {
  readonly pipeline: Pipeline;
  /** Tiles of convolutions by `tileKey`; others have the standard one. */
  readonly tiles: Readonly<Record<string, Tile>>;
}

/** A choice between pipelines that a measurement may make. */
export interface PipelineTunable {
  readonly name: string;
  readonly targets: readonly ("webgpu" | "wasm")[];
  /** Whether all variants add in the same order, so that results must be equal bit for bit. */
  readonly sameBits: boolean;
  /** The values, each with the pipeline it makes of another. */
  readonly values: readonly { readonly value: string; apply(pipeline: Pipeline): Pipeline }[];
}

const option = (pass: string, name: string, values: readonly (string | number | boolean)[]): PipelineTunable["values"] =>
  values.map((value) => ({ value: String(value), apply: (pipeline) => withOptions(pipeline, pass, { [name]: value }) }));

const without = (pass: string): PipelineTunable["values"] => [{ value: "off", apply: (pipeline) => pipeline.filter((step) => step.pass.name !== pass) }];

/** Every choice that is open to measurement; a further one is an entry here. */
export const PIPELINE_TUNABLES: readonly PipelineTunable[] = [
  { name: "on-chip pairs", targets: ["webgpu"], sameBits: false, values: option("fuse-pairs", "pairs", ["model", "always"]) },
  { name: "slices of larger rulebooks", targets: ["webgpu", "wasm"], sameBits: true, values: option("reuse-rulebooks", "slices", [false]) },
  { name: "half searches", targets: ["webgpu"], sameBits: true, values: option("reuse-rulebooks", "mirrored", [false]) },
  { name: "pointwise layers on chip", targets: ["webgpu", "wasm"], sameBits: false, values: option("fuse-pointwise-chain", "columns", [1, 64, 2048]) },
  { name: "shortcuts in the tile", targets: ["webgpu", "wasm"], sameBits: false, values: without("fuse-shortcut") },
  { name: "products with zeros", targets: ["wasm"], sameBits: true, values: [...without("skip-zeros"), ...option("skip-zeros", "channels", [16, 64])] },
  { name: "dense outputs from rows", targets: ["wasm"], sameBits: true, values: without("defer-dense") },
  { name: "siblings as one", targets: ["webgpu", "wasm"], sameBits: false, values: without("fuse-siblings") },
];
