/** Files of `torch.save`: the zip archive of PyTorch 1.6 and later, and the stream before it. Source: torch/serialization.py. */
import { inputError, type InputError } from "../errors.ts";
import { DTYPE_BYTES } from "../files/tensor.ts";
import { storageType, type CallSite } from "./globals.ts";
import { PickleBytes } from "./pickle-bytes.ts";
import { unpickle, type UnpickleOptions } from "./unpickle.ts";
import { Global, PyDict, PyList, StorageValue, type Storage, type Value } from "./values.ts";
import type { ZipEntry } from "./zip.ts";

export type TorchOptions = Pick<UnpickleOptions, "skipObjects">;

/** The folder of a torch archive, with its slash, or undefined where a zip is none. */
export function torchFolder(entries: ReadonlyMap<string, ZipEntry>): string | undefined {
  const pickle = [...entries.keys()].find((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  return pickle?.slice(0, -"data.pkl".length);
}

/** The value that was saved. SP0540: a file of another kind; SP0541 to SP0546 as the parts say. */
export function readTorchZip(file: string, entries: ReadonlyMap<string, ZipEntry>, folder: string, options: TorchOptions): Value {
  if (entries.has(`${folder}constants.pkl`)) throw inputError("SP0540", `${file} is a TorchScript archive, which holds code beside weights`, { help: "save its weights: torch.save(torch.jit.load(file).state_dict(), new_file)" });
  const order = entries.get(`${folder}byteorder`)?.read();
  if (order !== undefined && new TextDecoder().decode(order).trim() !== "little") throw bigEndian(file);
  const made = new Map<string, StorageValue>();
  const persistent = (id: Value, site: CallSite): Value => {
    const { key, type, typeName, length } = storageId(id, site);
    const entry = entries.get(`${folder}data/${key}`);
    if (entry === undefined) throw site.refuse(`storage ${JSON.stringify(key)} is not in the archive`);
    const known = made.get(`${key} ${typeName}`);
    if (known !== undefined && known.length === length) return known;
    if (type !== undefined && entry.size < length * DTYPE_BYTES[type]) throw site.refuse(`storage ${JSON.stringify(key)} has ${length} elements of ${typeName}, but its entry has ${entry.size} bytes`);
    const value = new StorageValue({ name: `storage ${key}`, dtype: type, typeName, bytes: once(() => entry.read()) }, length);
    made.set(`${key} ${typeName}`, value);
    return value;
  };
  return unpickle(entries.get(`${folder}data.pkl`)!.read(), 0, { where: `${file}: ${folder}data.pkl`, persistent, ...options }).value;
}

/** How the stream begins: a pickle of protocol 2 with this number. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const MAGIC_BYTES = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

export const isTorchStream = (bytes: Uint8Array): boolean => MAGIC_BYTES.every((byte, i) => bytes[i] === byte);

/** One storage of the stream: where its bytes lie is known only once the pickles are read. */
interface Streamed {
  readonly type: ReturnType<typeof storageType>;
  readonly typeName: string;
  readonly length: number;
  data?: Uint8Array;
}

/** The value that was saved in a stream: three pickles about the file, the value, the keys of storages, the storages. */
export function readTorchStream(file: string, bytes: Uint8Array, options: TorchOptions): Value {
  const input = new PickleBytes(bytes, file);
  const next = (more: Partial<UnpickleOptions> = {}): Value => {
    const { value, end } = unpickle(bytes, input.at, { where: file, ...more });
    input.at = end;
    return value;
  };
  if (next() !== MAGIC) throw input.broken("it does not begin with torch's number", 0);
  const version = next();
  if (version !== 1001) throw inputError("SP0540", `${file} is a torch stream of version ${String(version)}, expected 1001`);
  const info = next();
  if (info instanceof PyDict && info.entries.get("little_endian") === false) throw bigEndian(file);
  const storages = new Map<string, Streamed>();
  const value = next({ ...options, persistent: (id, site) => streamed(storages, id, site) });
  const keysAt = input.at;
  const keys = next();
  if (!(keys instanceof PyList)) throw input.broken("the keys of its storages are no list", keysAt);
  for (const key of keys.items) readStorage(input, storages.get(String(key)), String(key));
  for (const [key, storage] of storages) if (storage.data === undefined) throw input.broken(`storage ${JSON.stringify(key)} is not among those that follow`, keysAt);
  return value;
}

function streamed(storages: Map<string, Streamed>, id: Value, site: CallSite): Value {
  const { key, type, typeName, length, view } = storageId(id, site);
  const known: Streamed = storages.get(key) ?? { type: { dtype: type }, typeName, length };
  storages.set(key, known);
  if (known.typeName !== typeName || known.length !== length) throw site.refuse(`storage ${JSON.stringify(key)} is described in two ways`);
  const size = type === undefined ? 1 : DTYPE_BYTES[type];
  const [from, count] = view ?? [0, length];
  if (from + count > length) throw site.refuse(`a view of storage ${JSON.stringify(key)} takes elements ${from} to ${from + count} of ${length}`);
  const storage: Storage = { name: `storage ${key}`, dtype: type, typeName, bytes: () => (known.data ?? new Uint8Array()).subarray(from * size, (from + count) * size) };
  return new StorageValue(storage, count);
}

function readStorage(input: PickleBytes, storage: Streamed | undefined, key: string): void {
  const at = input.at;
  const length = input.u64();
  if (storage === undefined) throw input.broken(`storage ${JSON.stringify(key)} belongs to no tensor, so its size is not known`, at);
  if (length !== storage.length) throw input.broken(`storage ${JSON.stringify(key)} has ${length} elements, the pickle says ${storage.length}`, at);
  const type = storage.type?.dtype;
  if (type === undefined) throw inputError("SP0547", `storage ${JSON.stringify(key)} of ${input.place(at)} holds ${storage.typeName}, whose size is not known`, { help: "save the file again with PyTorch 1.6 or later" });
  storage.data = input.take(length * DTYPE_BYTES[type]);
}

interface StorageId {
  readonly key: string;
  readonly type: Storage["dtype"];
  readonly typeName: string;
  /** Elements. */
  readonly length: number;
  /** First element and number of a view into it. */
  readonly view: readonly [number, number] | undefined;
}

/** ("storage", class, key, device, length) and, in streams, what part of it is meant. */
function storageId(id: Value, site: CallSite): StorageId {
  const [tag, type, key, , length, view] = id instanceof PyList ? id.items : [];
  const known = type instanceof Global ? storageType(type.name) : undefined;
  const isSize = (n: Value | undefined): n is number => typeof n === "number" && Number.isSafeInteger(n) && n >= 0;
  if (tag !== "storage" || known === undefined || (typeof key !== "string" && typeof key !== "number") || !isSize(length)) throw site.refuse("it refers to something that is no storage");
  const [, from, count] = view instanceof PyList ? view.items : [];
  if (view instanceof PyList && !(isSize(from) && isSize(count))) throw site.refuse("a view of a storage has no bounds");
  return { key: String(key), type: known.dtype, typeName: (type as Global).name, length, view: isSize(from) && isSize(count) ? [from, count] : undefined };
}

const bigEndian = (file: string): InputError => inputError("SP0540", `${file} was written on a big-endian machine`, { help: "load it with PyTorch and save it again on a common one" });

function once(read: () => Uint8Array): () => Uint8Array {
  let bytes: Uint8Array | undefined;
  return () => (bytes ??= read());
}
