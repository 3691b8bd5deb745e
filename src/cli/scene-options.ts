/** The options that say where a scene comes from: tensor files, files of points, or a generator. */
import { CLOUD_OPTIONS, gridOf, readClouds, type CloudSource } from "./cloud-options.ts";
import type { Args, OptionDefs } from "./command.ts";
import { inputError, UsageError } from "./errors.ts";
import { checkScene } from "./files/check-scene.ts";
import { readBytes } from "./files/read.ts";
import { parseSafetensors, type Tensors } from "./files/safetensors.ts";
import { sceneFromTensors, type InputSpec, type SceneInput, type SceneInputs } from "./files/scene.ts";
import type { Tensor } from "./files/tensor.ts";
import { fieldChoices } from "./formats/fields.ts";
import { npzArrays, readTensor } from "./formats/npy.ts";
import { formatOf, READERS, unpacked } from "./formats/read-table.ts";
import { readSpconvTensor } from "./formats/spconv-tensor.ts";
import type { Io } from "./io.ts";
import { madeUpInput, SCENE_KINDS } from "./scan/made-up.ts";

const DUPLICATES = ["error", "sum", "mean", "first", "last"] as const;

export const SCENE_OPTIONS: OptionDefs = {
  input: { value: "[NAME=]FILE", multiple: true, doc: `tensors (.safetensors, .npz: NAME.coords, NAME.features, of a dense input NAME; .npy of a dense input; .tensor, two files) or points (.${Object.keys(READERS).join(", .")}); several files of points, or of a dense input, are a batch` },
  simulate: { value: SCENE_KINDS.join("|"), doc: "make up a scene instead of reading one" },
  seed: { value: "N", doc: "of the made-up scene (default 1)" },
  ...CLOUD_OPTIONS,
  duplicates: { value: DUPLICATES.join("|"), doc: "what becomes of rows at one site (default error)" },
};

export interface ReadScene {
  readonly inputs: SceneInputs;
  /** Inputs that were made of points. */
  readonly clouds: readonly CloudSource[];
}

/** The checked scene that the options describe. */
export async function readScene(args: Args, specs: readonly InputSpec[], io: Io): Promise<ReadScene> {
  const files = args.texts("input");
  const simulate = args.text("simulate");
  if ((files.length === 0) === (simulate === undefined)) throw new UsageError("give either --input or --simulate");
  const { inputs, clouds } = simulate === undefined ? await readFiles(args, files, specs, io) : { inputs: madeUp(args, specs), clouds: [] };
  return { inputs: checkScene(inputs, specs, args.choice("duplicates", DUPLICATES, "error")), clouds };
}

async function readFiles(args: Args, given: readonly string[], specs: readonly InputSpec[], io: Io): Promise<ReadScene> {
  const named = given.map((text) => {
    const spec = specs.find((s) => text.startsWith(`${s.name}=`));
    return spec === undefined ? { file: text, spec } : { file: text.slice(spec.name.length + 1), spec };
  });
  const tensors: { readonly file: string; readonly tensors: Tensors }[] = [];
  const scans = new Map<InputSpec, string[]>();
  const images = new Map<InputSpec, SceneInput[]>();
  for (const { file, spec } of named) {
    const of = spec ?? (specs.length === 1 ? specs[0] : undefined);
    if (of?.shape !== undefined) {
      images.set(of, [...(images.get(of) ?? []), sceneFromTensors(file, denseTensors(file, of), [of]).get(of.name)!]);
      continue;
    }
    const found = tensorsOf(file);
    if (found !== undefined) {
      tensors.push({ file, tensors: spec === undefined ? found : renamed(found, spec) });
      continue;
    }
    const scanned = spec ?? onlyInput(specs);
    scans.set(scanned, [...(scans.get(scanned) ?? []), file]);
  }
  const clouds: CloudSource[] = [];
  const choices = fieldChoices(args.texts("fields"), specs, new Set([...scans.keys()].map((spec) => spec.name)));
  for (const [spec, files] of scans) clouds.push(await readClouds(args, files, spec, choices.get(spec.name)!, io));
  const rest = specs.filter((spec) => !scans.has(spec) && !images.has(spec));
  if (rest.length === 0 && tensors.length > 0) throw new UsageError("scans and tensor files cannot be mixed for one input");
  const inputs = new Map<string, SceneInput>([...clouds.map((c) => [c.spec.name, c.input] as const), ...[...images].map(([spec, items]) => [spec.name, joined(items)] as const)]);
  if (rest.length > 0 && (tensors.length > 0 || specs.length === 0)) for (const [name, input] of sceneFromTensors(tensors.map((t) => t.file).join(", "), merged(tensors), rest)) inputs.set(name, input);
  return { inputs, clouds };
}

/** The tensors of a file of tensors: safetensors, .tensor, or arrays of numpy with coordinates among them; undefined for points. */
function tensorsOf(file: string): Tensors | undefined {
  const format = formatOf(file);
  if (format === "safetensors" || format === "") return parseSafetensors(file, readBytes(file));
  if (format === "tensor") {
    const tensor = readSpconvTensor(file, unpacked(file, readBytes(file)));
    return new Map([[tensor.name, tensor]]);
  }
  if (format !== "npz" || /\.gz$/i.test(file)) return undefined;
  const arrays = npzArrays(file, readBytes(file));
  if (![...arrays.keys()].some((name) => /(^|\.)coords$/.test(name))) return undefined;
  return arraysOf(file);
}

/** The tensors of a file that was given for a dense input: the only one has its name. SP0834 for a file of points. */
function denseTensors(file: string, { name }: InputSpec): Tensors {
  const format = formatOf(file);
  const all = format === "npy" ? new Map([[name, readTensor(file, name, unpacked(file, readBytes(file)))]]) : format === "npz" ? arraysOf(file) : tensorsOf(file);
  if (all === undefined) throw inputError("SP0834", `${file} is a file of points, but \`${name}\` is a dense tensor`, { help: "give it as .npy, .npz or .safetensors" });
  const [only] = all.values();
  return all.size === 1 && only !== undefined ? new Map([[name, { ...only, name }]]) : all;
}

/** The items of several files, one after another. */
function joined(items: readonly SceneInput[]): SceneInput {
  const features = new Float32Array(items.reduce((n, item) => n + item.features.length, 0));
  items.reduce((at, item) => (features.set(item.features, at), at + item.features.length), 0);
  return { dense: true, rows: items.reduce((n, item) => n + item.rows, 0), coords: new Int32Array(0), features };
}

const arraysOf = (file: string): Tensors => new Map([...npzArrays(file, readBytes(file))].map(([name, read]) => [name, readTensor(`${file}: ${name}`, name, read())]));

/** Plain names of a file that was given for one input are this input's. */
function renamed(tensors: Tensors, { name }: InputSpec): Tensors {
  return new Map([...tensors].map(([key, tensor]) => (key === "coords" || key === "features" ? [`${name}.${key}`, { ...tensor, name: `${name}.${key}` }] : [key, tensor])));
}

/** The tensors of all files; SP0804 when two have the same name. */
function merged(files: readonly { readonly file: string; readonly tensors: Tensors }[]): Tensors {
  const all = new Map<string, Tensor>();
  for (const { file, tensors } of files) {
    for (const [name, tensor] of tensors) {
      if (all.has(name)) throw inputError("SP0804", `${file} holds \`${name}\`, which another input file holds too`);
      all.set(name, tensor);
    }
  }
  return all;
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
