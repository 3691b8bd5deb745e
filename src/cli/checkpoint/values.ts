/** What a checkpoint holds once it is read: plain containers, tensors as views of their storages, and nothing that runs. */
import type { TensorDType } from "../files/tensor.ts";

/** Bytes that tensors share. They are read when a tensor is asked for. */
export interface Storage {
  /** How messages call it. */
  readonly name: string;
  /** Undefined for an element type that no tensor of ours has. */
  readonly dtype: TensorDType | undefined;
  readonly typeName: string;
  bytes(): Uint8Array;
}

/** A tensor as a strided view: element i… of it is element offset + Σ i·stride of the storage. */
export class TensorView {
  readonly storage: Storage;
  readonly dtype: TensorDType | undefined;
  readonly typeName: string;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Where the file describes it, for messages. */
  readonly place: string;

  constructor(fields: Pick<TensorView, "storage" | "offset" | "shape" | "strides" | "place"> & { readonly dtype?: TensorDType | undefined; readonly typeName?: string }) {
    this.storage = fields.storage;
    this.typeName = fields.typeName ?? fields.storage.typeName;
    this.dtype = fields.typeName === undefined ? fields.storage.dtype : fields.dtype;
    this.offset = fields.offset;
    this.shape = fields.shape;
    this.strides = fields.strides;
    this.place = fields.place;
  }
}

/** A class or function that a pickle names. It is a name here and nothing else. */
export class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** An object whose making was left out. */
export class Opaque {
  readonly what: string;
  state: Value = null;
  constructor(what: string) {
    this.what = what;
  }
}

export class PyDict {
  readonly entries = new Map<string, Value>();
}

/** A list or tuple or set. */
export class PyList {
  readonly items: Value[];
  constructor(items: Value[] = []) {
    this.items = items;
  }
}

export class NumpyDType {
  readonly code: string;
  bigEndian = false;
  constructor(code: string) {
    this.code = code;
  }
}

/** numpy makes its arrays empty and fills them afterwards. */
export class NumpyArray {
  view: TensorView | undefined;
}

export type Value =
  | null | boolean | number | bigint | string | Uint8Array
  | PyDict | PyList | TensorView | Global | Opaque | NumpyDType | NumpyArray | StorageValue;

/** A storage on its own, beside tensors. */
export class StorageValue {
  readonly storage: Storage;
  /** Elements of its type. */
  readonly length: number;
  constructor(storage: Storage, length: number) {
    this.storage = storage;
    this.length = length;
  }
}

/** Strides of a row-major tensor, in elements. */
export function contiguous(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}
