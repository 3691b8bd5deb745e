/** The options that say where a scene comes from: tensor files, scans, or a generator. */
import type { Args, OptionDefs } from "./command.ts";
import { inputError, UsageError } from "./errors.ts";
import { checkScene } from "./files/check-scene.ts";
import { sceneFromScans, type Scan } from "./files/kitti.ts";
import { parsePoints } from "./files/points.ts";
import { readBytes } from "./files/read.ts";
import { parseSafetensors, type Tensors } from "./files/safetensors.ts";
import { sceneFromTensors, type InputSpec, type SceneInput, type SceneInputs } from "./files/scene.ts";
import type { Tensor } from "./files/tensor.ts";
import type { VoxelGrid } from "./files/voxels.ts";
import { madeUpInput, SCENE_KINDS } from "./scan/made-up.ts";

const DUPLICATES = ["error", "sum", "mean", "first", "last"] as const;

export const SCENE_OPTIONS: OptionDefs = {
  input: { value: "FILE", multiple: true, doc: "tensors (.safetensors: NAME.coords, NAME.features) or a scan (.bin); several scans are a batch" },
  simulate: { value: SCENE_KINDS.join("|"), doc: "make up a scene instead of reading one" },
  seed: { value: "N", doc: "of the made-up scene (default 1)" },
  voxel: { value: "x,y,z", doc: "voxel edges of a scan in metres; one number for all three" },
  range: { value: "x,y,z,X,Y,Z", doc: "least and greatest corner of a scan; write --range=… when it begins with a minus" },
  columns: { value: "N", doc: "numbers per point of a scan (default 4)" },
  scalar: { value: "f32|f16", doc: "their type (default f32)" },
  rounding: { value: "floor|nearest", doc: "how a point finds its voxel (default floor)" },
  "max-points": { value: "N", doc: "points averaged per voxel at most (default all)" },
  "max-voxels": { value: "N", doc: "voxels kept per scan at most (default all)" },
  duplicates: { value: DUPLICATES.join("|"), doc: "what becomes of rows at one site (default error)" },
};

/** The checked scene that the options describe. */
export function readScene(args: Args, specs: readonly InputSpec[]): SceneInputs {
  const files = args.texts("input");
  const simulate = args.text("simulate");
  if ((files.length === 0) === (simulate === undefined)) throw new UsageError("give either --input or --simulate");
  const scene = simulate === undefined ? readFiles(args, files, specs) : madeUp(args, specs);
  return checkScene(scene, specs, args.choice("duplicates", DUPLICATES, "error"));
}

function readFiles(args: Args, files: readonly string[], specs: readonly InputSpec[]): SceneInputs {
  const scans = files.filter((file) => file.endsWith(".bin"));
  if (scans.length === 0) return sceneFromTensors(files.join(", "), readTensors(files), specs);
  if (scans.length < files.length) throw new UsageError("scans and tensor files cannot be mixed");
  return new Map([[onlyInput(specs).name, readScans(args, scans, onlyInput(specs))]]);
}

/** The tensors of all files; SP0804 when two have the same name. */
export function readTensors(files: readonly string[]): Tensors {
  const all = new Map<string, Tensor>();
  for (const file of files) {
    for (const [name, tensor] of parseSafetensors(file, readBytes(file))) {
      if (all.has(name)) throw inputError("SP0804", `${file} holds \`${name}\`, which another input file holds too`);
      all.set(name, tensor);
    }
  }
  return all;
}

function readScans(args: Args, files: readonly string[], spec: InputSpec): SceneInput {
  const format = { columns: args.wholeNumber("columns", 3) ?? 4, scalar: args.choice("scalar", ["f32", "f16"], "f32") };
  const scans = files.map((file): Scan => ({ file, points: parsePoints(file, readBytes(file), format) }));
  return sceneFromScans(scans, gridOf(args), spec);
}

/** The grid of `--voxel` and `--range`. */
export function gridOf(args: Args): VoxelGrid {
  const voxel = args.numbers("voxel", 3, true);
  if (voxel === undefined) throw new UsageError("a scan needs --voxel");
  const range = args.numbers("range", 6);
  const [maxPoints, maxVoxels] = [args.wholeNumber("max-points", 1), args.wholeNumber("max-voxels", 1)];
  return {
    voxel,
    rounding: args.choice("rounding", ["floor", "nearest"], "floor"),
    ...(range === undefined ? {} : { range: { min: range.slice(0, 3), max: range.slice(3) } }),
    ...(maxPoints === undefined ? {} : { maxPoints }),
    ...(maxVoxels === undefined ? {} : { maxVoxels }),
  };
}

function madeUp(args: Args, specs: readonly InputSpec[]): SceneInputs {
  const kind = args.choice("simulate", SCENE_KINDS, "lidar");
  const seed = args.wholeNumber("seed", 0) ?? 1;
  const grid = args.text("voxel") === undefined ? undefined : gridOf(args);
  return new Map(specs.map((spec) => [spec.name, madeUpInput(kind, seed, spec, grid)]));
}

function onlyInput(specs: readonly InputSpec[]): InputSpec {
  const [spec] = specs;
  if (spec === undefined || specs.length > 1) {
    throw inputError("SP0834", `a scan is one input, but the network has ${specs.length}: ${specs.map((s) => `\`${s.name}\``).join(", ")}`, { help: "give coordinates and features as safetensors instead" });
  }
  return spec;
}
