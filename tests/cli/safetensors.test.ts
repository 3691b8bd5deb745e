import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { elements, float32Tensor, int32Tensor, toFloat32, toFloat64, toInt32, type Tensor, type TensorDType } from "../../src/cli/files/tensor.ts";

/** A file with the given header text and data, the length field right unless given. */
function file(header: string, data: readonly number[] = [], length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const parse = (bytes: Uint8Array): ReturnType<typeof parseSafetensors> => parseSafetensors("w.safetensors", bytes);

const one = (dtype: TensorDType, bytes: readonly number[], count: number): Tensor => parse(file(JSON.stringify({ t: { dtype, shape: [count], data_offsets: [0, bytes.length] } }), bytes)).get("t")!;

describe("reading back what was written", () => {
  test("gives the same tensors, whatever their names and widths", () => {
    const bytes = writeSafetensors([
      { name: "odd", dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) },
      float32Tensor("__proto__", [2, 1], Float32Array.of(1.5, -0)),
      int32Tensor("é \"quoted\"", [0, 4], new Int32Array()),
      float32Tensor("scalar", [], Float32Array.of(7)),
    ]);
    const tensors = parse(bytes);
    expect([...tensors.keys()].sort()).toEqual(["__proto__", "odd", "scalar", "é \"quoted\""]);
    expect(toFloat32(tensors.get("__proto__")!)).toEqual(Float32Array.of(1.5, -0));
    expect(tensors.get("__proto__")!.shape).toEqual([2, 1]);
    expect(toInt32(tensors.get("é \"quoted\"")!)).toEqual(new Int32Array());
    expect([...toFloat64(tensors.get("odd")!)]).toEqual([1, 2, 3]);
    expect(toFloat32(tensors.get("scalar")!)).toEqual(Float32Array.of(7));
  });

  test("aligns tensors to their element", () => {
    const bytes = writeSafetensors([{ name: "a", dtype: "U8", shape: [1], bytes: Uint8Array.of(9) }, float32Tensor("b", [1], Float32Array.of(2))]);
    const b = parse(bytes).get("b")!.bytes;
    expect(b.byteOffset % 4).toBe(0);
  });
});

describe("element types", () => {
  const cases: readonly [TensorDType, readonly number[], readonly number[]][] = [
    ["F16", [0x00, 0x3c, 0x01, 0x00, 0xff, 0x7b, 0x00, 0xfc, 0x55, 0xb5], [1, 2 ** -24, 65504, -Infinity, -0.333251953125]],
    ["BF16", [0x80, 0x3f, 0x49, 0xc0], [1, -3.140625]],
    ["F64", [0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40], [Math.PI]],
    ["I64", [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-2]],
    ["U64", [1, 0, 0, 0, 1, 0, 0, 0], [2 ** 32 + 1]],
    ["I16", [0xff, 0xff], [-1]],
    ["U16", [0xff, 0xff], [65535]],
    ["U32", [0xff, 0xff, 0xff, 0xff], [2 ** 32 - 1]],
    ["I8", [0x80], [-128]],
    ["BOOL", [1, 0], [1, 0]],
  ];
  for (const [dtype, bytes, values] of cases) {
    test(`${dtype} is read`, () => {
      expect([...toFloat64(one(dtype, bytes, values.length))]).toEqual(values);
    });
  }

  test("a whole number outside 32 bits is refused as int32, and so are floats", () => {
    expect(() => toInt32(one("I64", [0, 0, 0, 0, 1, 0, 0, 0], 1))).toThrow(/SP0806: `t` holds 4294967296 at element 0/);
    expect(() => toInt32(one("F32", [0, 0, 0, 0], 1))).toThrow(/SP0806: `t` holds F32, expected whole numbers/);
  });
});

describe("broken and hostile files", () => {
  const entry = (dtype: unknown, shape: unknown, offsets: unknown): string => JSON.stringify({ w: { dtype, shape, data_offsets: offsets } });
  const cases: readonly [string, Uint8Array, RegExp][] = [
    ["shorter than its length field", new Uint8Array(5), /SP0802: w.safetensors .* it has 5 bytes/],
    ["a header longer than the cap", file("{}", [], 1n << 40n), /SP0802.* claims 1099511627776 bytes, at most 100000000/],
    ["a header longer than the file", file("{}", [], 100n), /SP0802.*ends at byte 108, the file at byte 10; it is truncated/],
    ["a header that is not JSON", file("{\"w\":"), /SP0802.*not JSON/],
    ["a header that is not UTF-8", file("{}").with(8, 0xff), /SP0802.*not JSON in UTF-8/],
    ["a header that is a list", file("[]"), /SP0802.*not a JSON object/],
    ["an entry that is no object", file("{\"w\":3}"), /SP0803: tensor "w" in w.safetensors: its header entry/],
    ["an unknown type", file(entry("F8_E4M3", [1], [0, 1]), [0]), /SP0804: tensor "w" .* type F8_E4M3/],
    ["a type named like an inherited property", file(entry("toString", [1], [0, 1]), [0]), /SP0804.*toString/],
    ["a negative extent", file(entry("U8", [-1], [0, 1]), [0]), /SP0803.*shape/],
    ["a fractional extent", file(entry("U8", [1.5], [0, 1]), [0]), /SP0803.*shape/],
    ["offsets that are no pair", file(entry("U8", [1], [0]), [0]), /SP0803.*data_offsets/],
    ["offsets turned around", file(entry("U8", [1], [1, 0]), [0]), /SP0803.*before it begins at byte/],
    ["data past the end", file(entry("F32", [2], [0, 8]), [0, 0, 0, 0]), /SP0803: tensor "w" in w.safetensors takes bytes (\d+) to \d+, but the file ends at byte \d+; it is truncated/],
    ["a shape that does not fill its bytes", file(entry("F32", [2], [0, 4]), [0, 0, 0, 0]), /SP0803.*F32 \[2\], that is 8 bytes, but 4 are stored/],
    ["a shape whose size overflows", file(entry("F32", [2 ** 52, 2 ** 52, 0.0], [0, 4]), [0, 0, 0, 0]), /SP0803.*but 4 are stored/],
    ["bytes of no tensor", file(entry("U8", [1], [0, 1]), [0, 0]), /SP0802.*tensors end at byte/],
    ["a gap before a tensor", file(entry("U8", [1], [1, 2]), [0, 0]), /SP0803: tensor "w".* begins at byte/],
    ["overlapping tensors", file(JSON.stringify({ a: { dtype: "U8", shape: [2], data_offsets: [0, 2] }, b: { dtype: "U8", shape: [2], data_offsets: [1, 3] } }), [0, 0, 0]), /SP0803: tensor "b".*the tensor before it ends/],
  ];
  for (const [what, bytes, message] of cases) {
    test(what, () => {
      expect(() => parse(bytes)).toThrow(message);
    });
  }

  test("every truncation of a good file is refused", () => {
    const good = writeSafetensors([float32Tensor("w", [2], Float32Array.of(1, 2)), int32Tensor("c", [1], Int32Array.of(1))]);
    for (let n = 0; n < good.length; n++) expect(() => parse(good.subarray(0, n)), `${n} bytes`).toThrow(/SP080[23]/);
    expect(parse(good).size).toBe(2);
  });
});

// Files made by the format's own writer; they lie beside the project, not in it.
const LAYERS = "../shared/fixtures/layers";
if (existsSync(LAYERS)) {
  test("files of the format's own writer are read whole", () => {
    const names = readdirSync(LAYERS).filter((name) => name.endsWith(".safetensors"));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      for (const tensor of parse(readFileSync(`${LAYERS}/${name}`)).values()) {
        expect(toFloat64(tensor)).toHaveLength(elements(tensor.shape));
      }
    }
  });
}
