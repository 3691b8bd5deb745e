import { basename } from "node:path";
import { inputError } from "../errors.ts";
import { parseSafetensors } from "../files/safetensors.ts";
import { isNpy, readNpy } from "./numpy.ts";
import { isTorchStream, readTorchStream, readTorchZip, torchFolder, type TorchOptions } from "./torch.ts";
import { unpickle } from "./unpickle.ts";
import { contiguous, PyDict, TensorView, type Value } from "./values.ts";
import { isZip, readZip, type ZipEntry } from "./zip.ts";

/** What a file holds, and what kind of file it is. */
export interface Checkpoint {
  readonly kind: string;
  readonly root: Value;
}

/**
 * Reads a checkpoint of any known kind, told by its first bytes and not by its name. Tensors stay views until asked for.
 * SP0540: none of them; SP0541 to SP0548 name the entry and the byte at which a broken one stops making sense.
 */
export function readCheckpoint(file: string, bytes: Uint8Array, options: TorchOptions = {}): Checkpoint {
  if (isZip(bytes)) return readZipped(file, bytes, options);
  if (isTorchStream(bytes)) return { kind: "PyTorch stream", root: readTorchStream(file, bytes, options) };
  if (isNpy(bytes)) {
    const root = new PyDict();
    root.entries.set(basename(file).replace(/\.npy$/, ""), readNpy(file, bytes));
    return { kind: "numpy array", root };
  }
  if (looksLikeSafetensors(bytes)) return { kind: "safetensors", root: fromSafetensors(file, bytes) };
  if (bytes[0] === 0x80 && bytes[1]! <= 5) return { kind: "pickle", root: unpickle(bytes, 0, { where: file, ...options }).value };
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 8));
  const found = Object.entries(OTHERS).find(([start]) => text.startsWith(start))?.[1];
  throw inputError("SP0540", `${file} is not a checkpoint that is read here${found === undefined ? "" : `: it is ${found}`}`, {
    help: "safetensors, .npz, .npy and files of torch.save are read; torch.save(model.state_dict(), file) writes one",
  });
}

/** First bytes of what is taken for a checkpoint now and then. */
const OTHERS: Readonly<Record<string, string>> = {
  "\x89HDF": "HDF5 (Keras)", "\x1f\x8b": "packed by gzip", "storages": "a tar of PyTorch 0.1", "GGUF": "GGUF", "version ": "a pointer of Git LFS, not the file itself", "<!DOCTYP": "a web page", "<html": "a web page",
};

/** A length that fits the file and a header in braces. */
function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.byteLength >= 9 && bytes[8] === 0x7b;
}

function readZipped(file: string, bytes: Uint8Array, options: TorchOptions): Checkpoint {
  const entries = readZip(file, bytes);
  const folder = torchFolder(entries);
  if (folder !== undefined) return { kind: "PyTorch archive", root: readTorchZip(file, entries, folder, options) };
  const arrays = [...entries.values()].filter(({ name }) => name.endsWith(".npy"));
  if (arrays.length > 0) return { kind: "numpy arrays", root: fromNpz(file, arrays) };
  throw inputError("SP0540", `${file} is a zip archive with neither torch's data.pkl nor numpy's arrays`, { help: "if it was packed by hand, unpack it first" });
}

function fromNpz(file: string, arrays: readonly ZipEntry[]): PyDict {
  const root = new PyDict();
  for (const entry of arrays) root.entries.set(entry.name.replace(/\.npy$/, ""), readNpy(`${file}: ${entry.name}`, entry.read()));
  return root;
}

function fromSafetensors(file: string, bytes: Uint8Array): PyDict {
  const root = new PyDict();
  for (const { name, dtype, shape, bytes: data } of parseSafetensors(file, bytes).values()) {
    const storage = { name: "the file", dtype, typeName: dtype, bytes: () => data };
    root.entries.set(name, new TensorView({ storage, offset: 0, shape, strides: contiguous(shape), place: file }));
  }
  return root;
}
