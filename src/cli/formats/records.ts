/** Arrays of records with named fields, as numpy stores them: NEP 1, whose `descr` is then a list. */
import { inputError, type InputError } from "../errors.ts";
import { isNpy, numpyDType } from "../checkpoint/numpy.ts";
import { NumpyDType } from "../checkpoint/values.ts";
import { DTYPE_BYTES, type TensorDType } from "../files/tensor.ts";
import { recordColumns, type Field, type Scalar } from "./scalars.ts";
import type { Table } from "./table.ts";

const SCALARS: Readonly<Record<TensorDType, Scalar | undefined>> = {
  F64: "f64", F32: "f32", F16: "f16", BF16: undefined, I64: "i64", I32: "i32", I16: "i16", I8: "i8", U64: "u64", U32: "u32", U16: "u16", U8: "u8", BOOL: "u8",
};

interface Records {
  readonly fields: readonly Field[];
  readonly stride: number;
  readonly little: boolean;
}

/**
 * A one-dimensional array of records; undefined for an array of plain numbers. SP0837: a type that is not read; SP0836: a
 * header that makes no sense; SP0835: another length than the header says.
 */
export function readRecords(file: string, bytes: Uint8Array): Table | undefined {
  if (!isNpy(bytes) || bytes.byteLength < 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begin = bytes[6]! >= 2 ? 12 : 10;
  const start = begin + (begin === 12 ? view.getUint32(8, true) : view.getUint16(8, true));
  if (start > bytes.byteLength) return undefined;
  const header = new TextDecoder().decode(bytes.subarray(begin, start));
  const match = /^\{'descr': (\[.*\]), 'fortran_order': (?:True|False), 'shape': \(([\d, ]*)\),? *\}\s*$/.exec(header);
  if (match === null) return undefined;
  const broken = (what: string): InputError => inputError("SP0836", `${file} is not a readable array of records: ${what} (byte ${begin})`);
  const shape = match[2]!.split(",").map((n) => n.trim()).filter((n) => n !== "").map(Number);
  const rows = shape[0]!;
  if (shape.length !== 1 || !Number.isSafeInteger(rows)) throw broken(`it has the shape (${match[2]}), expected one axis`);
  const { fields, stride, little } = readFields(file, match[1]!, broken);
  if (rows * stride !== bytes.byteLength - start) {
    throw inputError("SP0835", `${file} should have ${rows} records of ${stride} bytes from byte ${start}, that is up to byte ${start + rows * stride}, but ends at byte ${bytes.byteLength}`);
  }
  return { file, kind: "points", rows, columns: recordColumns(bytes, start, stride, rows, fields, little), unnamed: false, place: (row) => `byte ${start + row * stride}` };
}

/** `[('x', '<f4'), ('p', '|u1'), ('', '|V3')]`; nameless bytes are padding. */
function readFields(file: string, descr: string, broken: (what: string) => InputError): Records {
  const items = [...descr.matchAll(/\('([^']*)', '([<>|=]?)(\w+)'\)/g)];
  if (items.map((m) => m[0]).join(", ") !== descr.slice(1, -1).replace(/, *$/, "")) throw broken(`its fields are ${JSON.stringify(descr.slice(0, 120))}, of which nested ones and arrays are not read`);
  let stride = 0;
  const orders = new Set<boolean>();
  const fields: Field[] = [];
  for (const [, name, order, type] of items) {
    const padding = /^V(\d{1,9})$/.exec(type!);
    if (padding !== null) {
      stride += Number(padding[1]);
      continue;
    }
    const { dtype } = numpyDType(new NumpyDType(type!));
    const scalar = dtype === undefined ? undefined : SCALARS[dtype];
    if (dtype === undefined || scalar === undefined) throw inputError("SP0837", `${file}: field \`${name}\` has the type ${order}${type}, which is not read (byte 10)`);
    fields.push({ name: name!, scalar, offset: stride });
    if (DTYPE_BYTES[dtype] > 1) orders.add(order !== ">");
    stride += DTYPE_BYTES[dtype];
  }
  if (fields.length === 0) throw broken("it has no fields");
  if (orders.size > 1) throw broken("its fields are in both byte orders");
  return { fields, stride, little: !orders.has(false) };
}
