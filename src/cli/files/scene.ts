/** The inputs of a network as the command passes them on, and the tensor names of the files they come from. */
import { inputError } from "../errors.ts";
import { number, siteAttr, string, type Module } from "../../ir/module.ts";
import type { VoxelGrid } from "../../ir/sites.ts";
import type { Tensors } from "./safetensors.ts";
import { float32Tensor, int32Tensor, printShape, toFloat32, toInt32, type Tensor } from "./tensor.ts";

/** An input that a network declares. */
export interface InputSpec {
  readonly name: string;
  readonly axes: readonly string[];
  /** Per axis, or undefined for an unbounded grid. */
  readonly extents: readonly number[] | undefined;
  readonly channels: number;
  /** Of points, whose coordinates are positions: the voxels that the network asks for. */
  readonly voxels?: readonly VoxelGrid[];
  /** Inputs of one site set have the same coordinates; one without stands alone. */
  readonly sites?: string;
  /** Of a dense tensor: [channels, …extents]. */
  readonly shape?: readonly number[];
}

/** Every input by name. */
export type SceneInputs = ReadonlyMap<string, SceneInput>;

/**
 * Rows of one input: coordinates, of points positions, [rows, 1 + axes] with the batch index first, features [rows, channels]. Of a dense input
 * `rows` are batch items, without coordinates, and features [rows, channels, …extents].
 */
export interface SceneInput {
  readonly dense?: true;
  readonly rows: number;
  readonly coords: Int32Array | Float32Array;
  readonly features: Float32Array;
}

/** A value a network gave back; the interpreter's are float64. Vectors per batch item are dense [batch, channels]. */
export type OutputValue =
  | { readonly kind: "feat"; readonly dim: number; readonly coords: Int32Array; readonly channels: number; readonly features: Float32Array | Float64Array }
  | { readonly kind: "dense"; readonly shape: readonly number[]; readonly data: Float32Array | Float64Array };

export type Outputs = ReadonlyMap<string, OutputValue>;

/** The inputs of a network, in the order of its text. */
export function inputSpecs(module: Module): readonly InputSpec[] {
  return module.ops
    .filter((op) => op.name === "input")
    .map((op) => {
      const sites = siteAttr(op.attrs, "sites");
      const [name, channels, def] = [string(op.attrs, "name"), number(op.attrs, "channels"), module.sites.def(sites)];
      if (def.kind === "points") return { name, axes: def.axes, extents: undefined, channels, sites, voxels: voxelsOf(module, sites) };
      const extents = module.sites.extents(sites);
      return { name, axes: module.sites.axes(sites), extents, channels, sites, ...(module.sites.isFull(sites) ? { shape: [channels, ...extents!] } : {}) };
    });
}

const voxelsOf = ({ sites }: Module, points: string): readonly VoxelGrid[] =>
  sites.ids.map((id) => sites.def(id)).filter((def) => def.kind === "voxels").filter((def) => def.of === points);

/** Reads every input from `NAME.coords` and `NAME.features`, with one input plain `coords` and `features` do too, a dense one from `NAME`. */
export function sceneFromTensors(file: string, tensors: Tensors, specs: readonly InputSpec[]): SceneInputs {
  const find = (spec: InputSpec, part: string | undefined): Tensor => {
    const names = part === undefined ? [spec.name] : [`${spec.name}.${part}`, ...(specs.length === 1 ? [part] : [])];
    const found = names.map((name) => tensors.get(name)).find((t) => t !== undefined);
    if (found !== undefined) return found;
    const listed = [...tensors.keys()].slice(0, 12).map((name) => `\`${name}\``);
    throw inputError("SP0805", `${file} has no tensor ${names.map((n) => `\`${n}\``).join(" or ")}`, {
      notes: [`it holds ${listed.length === 0 ? "no tensor" : listed.join(", ")}${tensors.size > listed.length ? ` and ${tensors.size - listed.length} more` : ""}`],
    });
  };
  return new Map(specs.map((spec) => [spec.name, spec.shape === undefined ? readInput(file, spec, find(spec, "coords"), find(spec, "features")) : readDense(file, { ...spec, shape: spec.shape }, find(spec, undefined))]));
}

/** A dense input from a tensor [N, C, …extents], or of one item without its N. SP0806 for another shape. */
function readDense(file: string, { shape }: Required<Pick<InputSpec, "shape">>, tensor: Tensor): SceneInput {
  const items = tensor.shape.length === shape.length ? 1 : (tensor.shape[0] ?? 0);
  const sizes = tensor.shape.length === shape.length ? tensor.shape : tensor.shape.slice(1);
  if (items < 1 || sizes.join() !== shape.join()) {
    throw inputError("SP0806", `\`${tensor.name}\` in ${file} is ${printShape(tensor.shape)}, expected [${["N", ...shape].join(", ")}] or ${printShape(shape)}: channels first`);
  }
  return { dense: true, rows: items, coords: new Int32Array(0), features: toFloat32(tensor) };
}

/** The items that the dense inputs of a scene have; undefined where there are none. */
export const denseItems = (scene: SceneInputs): number | undefined => [...scene.values()].find((input) => input.dense === true)?.rows;

function readInput(file: string, spec: InputSpec, coords: Tensor, features: Tensor): SceneInput {
  const width = 1 + spec.axes.length;
  if (coords.shape.length !== 2 || coords.shape[1] !== width) {
    throw inputError("SP0806", `\`${coords.name}\` in ${file} is ${printShape(coords.shape)}, expected [rows, ${width}]: batch, ${spec.axes.join(", ")}`);
  }
  const rows = coords.shape[0]!;
  if (features.shape.length !== 2 || features.shape[0] !== rows || features.shape[1] !== spec.channels) {
    throw inputError("SP0806", `\`${features.name}\` in ${file} is ${printShape(features.shape)}, expected [${rows}, ${spec.channels}]: one row per coordinate, ${spec.channels} channels`);
  }
  return { rows, coords: spec.voxels === undefined ? toInt32(coords) : toFloat32(coords), features: toFloat32(features) };
}

/** Output tensors: `NAME.coords` and `NAME.features` of sparse values, `NAME` of dense ones and of vectors per batch item. */
export function outputTensors(outputs: Outputs): readonly Tensor[] {
  return [...outputs].flatMap(([name, value]) => {
    if (value.kind === "dense") return [float32Tensor(name, value.shape, Float32Array.from(value.data))];
    const width = 1 + value.dim;
    const rows = value.coords.length / width;
    return [int32Tensor(`${name}.coords`, [rows, width], value.coords), float32Tensor(`${name}.features`, [rows, value.channels], Float32Array.from(value.features))];
  });
}

/** The tensors of a scene, as `sceneFromTensors` reads them. */
export function sceneTensors(scene: SceneInputs, specs: readonly InputSpec[]): readonly Tensor[] {
  return [...scene].flatMap(([name, { rows, coords, features }]) => {
    const spec = specs.find((s) => s.name === name);
    if (spec === undefined) throw new Error(`internal: no input ${name}`);
    if (spec.shape !== undefined) return [float32Tensor(name, [rows, ...spec.shape], features)];
    const shape = [rows, 1 + spec.axes.length];
    return [coords instanceof Float32Array ? float32Tensor(`${name}.coords`, shape, coords) : int32Tensor(`${name}.coords`, shape, coords), float32Tensor(`${name}.features`, [rows, spec.channels], features)];
  });
}

