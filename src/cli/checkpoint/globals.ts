/**
 * The classes and functions that a checkpoint may name, with what they mean here. Nothing else is ever made, and these
 * are made by this file, not by anything that the pickle says.
 */
import type { InputError } from "../errors.ts";
import { DTYPE_BYTES, elements, type TensorDType } from "../files/tensor.ts";
import { numpyDType, numpyStorage, type NumpyNumber, numpyNumber } from "./numpy.ts";
import { contiguous, Global, NumpyArray, NumpyDType, Opaque, PyDict, PyList, StorageValue, TensorView, type Value } from "./values.ts";

/** Where a call stands, and how to refuse it. */
export interface CallSite {
  readonly place: string;
  refuse(what: string): InputError;
}

type Maker = (args: readonly Value[], site: CallSite) => Value;

/** Element types by the first half of a storage's class name. Types without one are known, and read by nothing. */
const STORAGES: Readonly<Record<string, TensorDType | undefined>> = {
  Double: "F64", Float: "F32", Half: "F16", BFloat16: "BF16", Long: "I64", Int: "I32", Short: "I16", Char: "I8", Byte: "U8", Bool: "BOOL",
  ComplexFloat: undefined, ComplexDouble: undefined, QInt8: undefined, QUInt8: undefined, QInt32: undefined,
};

/** torch.float32 and its like. */
const DTYPES: Readonly<Record<string, TensorDType>> = {
  float64: "F64", double: "F64", float32: "F32", float: "F32", float16: "F16", half: "F16", bfloat16: "BF16", int64: "I64", long: "I64",
  int32: "I32", int: "I32", int16: "I16", short: "I16", int8: "I8", uint8: "U8", bool: "BOOL",
};

/** Values of training that stand beside weights: options, paths, dates. They become opaque. */
const BESIDE = new Set([
  "argparse.Namespace", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "datetime.datetime", "datetime.date", "datetime.timedelta", "datetime.timezone",
  "easydict.EasyDict", "yacs.config.CfgNode", "uuid.UUID", "torch.device", "torch.random.Generator", "types.SimpleNamespace", "decimal.Decimal", "fractions.Fraction",
  ...["int", "float", "bool", "str", "bytes", "list", "tuple", "dict", "object", "complex", "slice", "range"].flatMap((name) => [`builtins.${name}`, `__builtin__.${name}`]),
]);

const BESIDE_MODULES = /^(omegaconf\.|mmcv\.utils\.config\.|mmengine\.config\.|ml_collections\.|numpy\.(float|int|uint|bool)\w*$)/;

/** Functions by which a pickle runs what it likes. Whoever names one has not written weights. */
const HOSTILE = /^(os|posix|nt|sys|subprocess|shutil|socket|runpy|importlib|codeop|pty|ctypes|webbrowser|asyncio|pickle|_pickle|marshal|types\.(FunctionType|CodeType)|(builtins|__builtin__)\.(eval|exec|compile|execfile|open|__import__|setattr|delattr|globals|input|breakpoint|apply))(\.|$)/;

export const isHostile = (name: string): boolean => HOSTILE.test(name);

export const isBeside = (name: string): boolean => BESIDE.has(name) || BESIDE_MODULES.test(name);

/** The element type of a storage class such as torch.FloatStorage; undefined when the name is no storage. */
export function storageType(name: string): { readonly dtype: TensorDType | undefined } | undefined {
  if (/^torch(\.storage)?\.(UntypedStorage|_UntypedStorage)$/.test(name)) return { dtype: "U8" };
  const kind = /^torch(?:\.cuda)?\.(\w+)Storage$/.exec(name)?.[1];
  return kind !== undefined && Object.hasOwn(STORAGES, kind) ? { dtype: STORAGES[kind] } : undefined;
}

/** The maker of a known function, or undefined. */
export function maker(name: string): Maker | undefined {
  return MAKERS.get(name);
}

/** Whether a name is a plain value rather than something that is called. */
export const isKnownName = (name: string): boolean => MAKERS.has(name) || storageType(name) !== undefined || torchDType(name) !== undefined || name === "numpy.ndarray" || PARAMETERS.has(name);

const PARAMETERS = new Set(["torch.nn.parameter.Parameter", "torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Buffer"]);

const torchDType = (name: string): { readonly dtype: TensorDType | undefined } | undefined => {
  const short = /^torch\.([a-z]\w*)$/.exec(name)?.[1];
  if (short !== undefined && Object.hasOwn(DTYPES, short)) return { dtype: DTYPES[short]! };
  return short !== undefined && /^(float8_\w+|complex\d+|q?u?int\d+)$/.test(short) ? { dtype: undefined } : undefined;
};

const isSize = (value: Value | undefined): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function sizes(value: Value | undefined, what: string, site: CallSite): readonly number[] {
  if (!(value instanceof PyList) || !value.items.every(isSize)) throw site.refuse(`${what} of a tensor is no tuple of whole numbers from 0`);
  return value.items as readonly number[];
}

/** storage, offset, size, stride, …; the eighth of `_rebuild_tensor_v3` is the element type over untyped bytes. */
function tensor(typed: boolean): Maker {
  return (args, site) => {
    const [storage, offset] = args;
    if (!(storage instanceof StorageValue)) throw site.refuse("a tensor is made of something that is no storage");
    const [shape, strides] = [sizes(args[2], "the size", site), sizes(args[3], "the stride", site)];
    if (!isSize(offset) || shape.length !== strides.length) throw site.refuse("offset, size and stride of a tensor do not fit together");
    const of = args[6] instanceof Global ? torchDType(args[6].name) : undefined;
    if (!typed && of === undefined) throw site.refuse("a tensor of untyped bytes has no element type");
    const type = of === undefined ? {} : { dtype: of.dtype, typeName: (args[6] as Global).name };
    const view = new TensorView({ storage: storage.storage, offset, shape, strides, place: site.place, ...type });
    checkReach(view, storage, site);
    return view;
  };
}

/** Offsets are checked when they are read, so that a message can name the byte. */
function checkReach(view: TensorView, { storage, length }: StorageValue, site: CallSite): void {
  if (view.dtype === undefined || storage.dtype === undefined || elements(view.shape) === 0) return;
  const room = Math.floor((length * DTYPE_BYTES[storage.dtype]) / DTYPE_BYTES[view.dtype]);
  const last = view.shape.reduce((at, n, i) => at + (n - 1) * view.strides[i]!, view.offset);
  if (!(last < room)) throw site.refuse(`a tensor [${view.shape.join(", ")}] with strides [${view.strides.join(", ")}] from element ${view.offset} ends at element ${last}, but ${storage.name} has ${room}`);
}

function parameter(args: readonly Value[], site: CallSite): Value {
  if (args[0] instanceof TensorView || args[0] instanceof Opaque) return args[0];
  throw site.refuse("a parameter is made of something that is no tensor");
}

/** An ordered dictionary is made empty, or of a list of pairs. */
function dictionary(args: readonly Value[], site: CallSite): Value {
  const made = new PyDict();
  const [pairs] = args;
  if (pairs instanceof PyDict) return pairs;
  if (pairs === undefined || pairs === null || pairs instanceof Global) return made;
  if (!(pairs instanceof PyList)) throw site.refuse("a dictionary is made of something that is no list of pairs");
  for (const pair of pairs.items) {
    if (!(pair instanceof PyList) || pair.items.length !== 2 || typeof pair.items[0] !== "string") throw site.refuse("a dictionary is made of something that is no list of pairs");
    if (made.entries.has(pair.items[0])) throw site.refuse(`a dictionary has ${JSON.stringify(pair.items[0])} twice`);
    made.entries.set(pair.items[0], pair.items[1]!);
  }
  return made;
}

const list: Maker = (args) => (args[0] instanceof PyList ? args[0] : new PyList());

const bytesOf = (value: Value | undefined): Uint8Array | undefined =>
  value instanceof Uint8Array ? value : typeof value === "string" ? new Uint8Array(Buffer.from(value, "latin1")) : undefined;

/** How protocol 2 writes bytes: as text, and by which encoding. */
const encode: Maker = (args, site) => {
  const [text, encoding] = args;
  if (typeof text !== "string" || !["latin1", "latin-1", "iso-8859-1"].includes(String(encoding))) throw site.refuse("text is turned to bytes in another way than latin1");
  return bytesOf(text)!;
};

const dtype: Maker = (args, site) => {
  const [code] = args;
  if (typeof code !== "string") throw site.refuse("an element type of numpy has no name");
  return new NumpyDType(code);
};

const scalar: Maker = (args, site) => {
  const data = bytesOf(args[1]);
  if (!(args[0] instanceof NumpyDType) || data === undefined) return new Opaque("a scalar of numpy");
  const number: NumpyNumber | undefined = numpyNumber(args[0], data);
  if (number === undefined) throw site.refuse("a scalar of numpy has another size than its type");
  return number;
};

const frombuffer: Maker = (args, site) => {
  const [data, type, shape, order] = [bytesOf(args[0]), args[1], sizes(args[2], "the shape", site), args[3]];
  if (data === undefined || !(type instanceof NumpyDType)) throw site.refuse("an array of numpy has no bytes or no type");
  return fillArray(new NumpyArray(), { shape, type, fortran: order === "F", data }, site);
};

/** What numpy fills an array with. */
export interface ArrayState {
  readonly shape: readonly number[];
  readonly type: NumpyDType;
  readonly fortran: boolean;
  readonly data: Uint8Array;
}

export function fillArray(array: NumpyArray, { shape, type, fortran, data }: ArrayState, site: CallSite): NumpyArray {
  const storage = numpyStorage(`the array (${site.place})`, type, data);
  const strides = fortran ? [...contiguous([...shape].reverse())].reverse() : contiguous(shape);
  const view = new TensorView({ storage, offset: 0, shape, strides, place: site.place });
  const read = numpyDType(type);
  if (read.dtype !== undefined && elements(shape) * DTYPE_BYTES[read.dtype] !== data.byteLength) throw site.refuse(`an array of numpy is [${shape.join(", ")}] ${type.code}, but has ${data.byteLength} bytes`);
  array.view = view;
  return array;
}

/** The state of `ndarray.__setstate__`: version, shape, type, order, bytes. */
export function arrayState(state: Value, site: CallSite): ArrayState | undefined {
  if (!(state instanceof PyList) || state.items.length !== 5) throw site.refuse("an array of numpy is filled in an unknown way");
  const [, shape, type, fortran, raw] = state.items;
  const data = bytesOf(raw);
  // An array of objects holds a list.
  if (data === undefined || !(type instanceof NumpyDType)) return undefined;
  return { shape: sizes(shape, "the shape", site), type, fortran: fortran === true, data };
}

const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["torch._utils._rebuild_tensor", tensor(true)],
  ["torch._utils._rebuild_tensor_v2", (args, site) => tensor(true)(args.slice(0, 6), site)],
  ["torch._utils._rebuild_tensor_v3", tensor(false)],
  ["torch._utils._rebuild_parameter", parameter],
  ["torch._utils._rebuild_parameter_with_state", parameter],
  ["torch._tensor._rebuild_from_type_v2", (args, site) => {
    const [func, , inner] = args;
    const make = func instanceof Global ? maker(func.name) : undefined;
    if (make === undefined || !(inner instanceof PyList)) throw site.refuse("a kind of tensor is made by an unknown function");
    return make(inner.items, site);
  }],
  ["collections.OrderedDict", dictionary],
  ["collections.defaultdict", (args, site) => dictionary(args.slice(1), site)],
  ["collections.Counter", dictionary],
  ["collections.deque", list],
  ["torch.Size", list],
  ["builtins.set", list],
  ["__builtin__.set", list],
  ["builtins.frozenset", list],
  ["__builtin__.frozenset", list],
  ["builtins.bytearray", (args) => bytesOf(args[0]) ?? new Uint8Array()],
  ["__builtin__.bytearray", (args) => bytesOf(args[0]) ?? new Uint8Array()],
  ["_codecs.encode", encode],
  // How protocols 0 and 1 make an object of a class, which is left out like any other.
  ...["copy_reg", "copyreg"].map((module): [string, Maker] => [`${module}._reconstructor`, ([type]) => new Opaque(type instanceof Opaque ? type.what : "object")]),
  ["numpy.dtype", dtype],
  ...["numpy.core", "numpy._core"].flatMap((core): [string, Maker][] => [
    [`${core}.multiarray.scalar`, scalar],
    [`${core}.multiarray._reconstruct`, () => new NumpyArray()],
    [`${core}.numeric._frombuffer`, frombuffer],
  ]),
]);
