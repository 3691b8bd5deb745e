import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { materialize } from "../../../src/cli/checkpoint/materialize.ts";
import { readCheckpoint } from "../../../src/cli/checkpoint/read-checkpoint.ts";
import { findSections } from "../../../src/cli/checkpoint/sections.ts";
import { InputError } from "../../../src/cli/errors.ts";
import { Random } from "../../../src/cli/random.ts";
import { floats, npy, pickle, torchTensor, torchZip, u16, u32, zip, type TensorSpec } from "./archive.ts";
import { fixture } from "./support.ts";

/** Reads a file and every tensor in it. */
function readAll(bytes: Uint8Array, skipObjects = false): Record<string, readonly number[]> {
  const [whole] = findSections("f", readCheckpoint("f", bytes, { skipObjects }));
  return Object.fromEntries([...(whole?.tensors ?? [])].map(([name, view]) => [name, [...materialize(name, view).bytes]]));
}

/** The message of the coded error that reading ends with; anything else fails the test. */
function refusal(bytes: Uint8Array, skipObjects = false): string {
  try {
    readAll(bytes, skipObjects);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return "";
}

const oneTensor = (spec: Partial<TensorSpec> = {}): readonly Uint8Array[] => [pickle.dict(pickle.text("w"), torchTensor({ length: 4, shape: [2, 2], strides: [2, 1], ...spec }))];
const four = { "0": floats(1, 2, 3, 4) };

test("the files of these tests are sound before they are spoiled", () => {
  expect(readAll(torchZip(oneTensor(), four))).toEqual({ w: [...four["0"]] });
  expect(readAll(torchZip(oneTensor({ shape: [2], strides: [2], offset: 1 }), four))).toEqual({ w: [...floats(2, 4)] });
});

describe("a pickle that wants to call something", () => {
  const ways: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ["os.system by REDUCE", [pickle.call("os.system", pickle.text("false"))]],
    ["posix.system", [pickle.call("posix.system", pickle.text("false"))]],
    ["builtins.eval", [pickle.call("builtins.eval", pickle.text("1"))]],
    ["__builtin__.getattr", [pickle.call("__builtin__.getattr", pickle.text("a"), pickle.text("b"))]],
    ["a name by STACK_GLOBAL", [pickle.text("subprocess"), pickle.text("Popen"), Buffer.from([0x93])]],
    ["INST", [pickle.op("(ios\nsystem\n")]],
    ["NEWOBJ of an unknown class", [pickle.global("their.Model"), pickle.op(")\x81")]],
    ["BUILD on an unknown class", [pickle.call("their.Model"), pickle.dict(), pickle.op("b")]],
    ["torch's own loader of nested files", [pickle.call("torch.storage._load_from_bytes", pickle.text("x"))]],
    ["a known class as a function of nothing", [pickle.call("torch.FloatStorage", pickle.int(4))]],
    ["an object of an extension", [pickle.op("\x82\x01")]],
    ["a number", [pickle.int(1), pickle.op(")R")]],
  ];

  test.each(ways)("%s: the opcode and its byte", (_, body) => {
    expect(refusal(torchZip(body))).toMatch(/^SP0544: f: archive\/data\.pkl: the pickle has \w+ at byte \d+: /);
  });

  test("functions that run code are refused even where unknown objects are left out", () => {
    expect(refusal(torchZip(ways[0]![1]), true)).toMatch(/SP0544.*GLOBAL at byte 2: it names os\.system, which runs code; nothing was run/);
  });

  test("objects of unknown classes can be left out: they are never made, and the weights beside them are read", () => {
    const beside = [pickle.op("}("), pickle.text("w"), torchTensor({ length: 4, shape: [4], strides: [1] }), pickle.text("model"), pickle.call("their.Model", pickle.int(3)), pickle.dict(), pickle.op("bu")];
    expect(refusal(torchZip(beside, four))).toContain("their.Model");
    expect(readAll(torchZip(beside, four), true)).toEqual({ w: [...four["0"]] });
  });
});

describe("a pickle that is broken", () => {
  const ways: readonly (readonly [string, readonly Uint8Array[], RegExp])[] = [
    ["an unknown opcode", [pickle.op("\xff")], /SP0543.*0xff is no opcode \(byte 2\)/],
    ["an empty stack", [], /SP0543.*STOP: the stack is empty \(byte 2\)/],
    ["no mark", [pickle.op("t")], /SP0543.*TUPLE: no mark was set \(byte 2\)/],
    ["a memo that was never filled", [pickle.op("h\x07")], /SP0543.*BINGET: it takes value 7 of its memo/],
    ["a memo of a text number", [pickle.op("g-1\n")], /SP0543.*GET/],
    ["a text longer than the file", [pickle.op("X"), u32(1e9), pickle.op("abc")], /SP0543.*1000000000 bytes are wanted and \d+ are left.*\(byte 7\)/],
    ["a text of 2^60 bytes", [pickle.op("\x8d"), u32(0), u32(1 << 28)], /SP0543.*are left; it is truncated/],
    ["a number of a million digits", [pickle.op(`L${"9".repeat(1e6)}L\n`)], /SP0543.*LONG: a number is none, or too long/],
    ["a number of a million bytes", [pickle.op("\x8b"), u32(1e6), Buffer.alloc(1e6)], /SP0543.*LONG4: 1000000 is more than 1024/],
    ["a dictionary with half an item", [pickle.op("}("), pickle.text("w"), pickle.op("u")], /SP0543.*SETITEMS: a dictionary has a name without a value/],
    ["a name twice", [pickle.dict(pickle.text("w"), pickle.int(1), pickle.text("w"), pickle.int(2))], /SP0545.*"w" twice in one dictionary \(byte \d+\)/],
    ["text that is not UTF-8", [pickle.op("X"), u32(1), pickle.op("\xff")], /SP0543.*not UTF-8/],
  ];

  test.each(ways)("%s", (_, body, message) => {
    expect(refusal(torchZip(body))).toMatch(message);
  });

  test("dictionaries that refer to one another without end, or to the same ones over and over", () => {
    expect(readAll(torchZip([pickle.op("}q\x00"), pickle.text("self"), pickle.op("h\x00s")]))).toEqual({});
    const doubling = Array.from({ length: 31 }, (_, i) => [pickle.op("(h"), Buffer.from([i]), pickle.op("h"), Buffer.from([i]), pickle.op("lq"), Buffer.from([i + 1])]).flat();
    expect(refusal(torchZip([pickle.op("]q\x00"), ...doubling]))).toMatch(/SP0557.*refer to one another over and over/);
    const deep = [...Array.from({ length: 200 }, () => [pickle.op("}"), pickle.text("d")]).flat(), torchTensor({ length: 4, shape: [4], strides: [1] }), pickle.op("s".repeat(200))];
    expect(refusal(torchZip(deep, four))).toMatch(/SP0557.*nested more than 32 deep/);
  });
});

describe("a tensor that reaches outside of its storage", () => {
  const ways: readonly (readonly [string, Partial<TensorSpec>, RegExp])[] = [
    ["by its shape", { shape: [2, 3], strides: [3, 1] }, /SP0546.*REDUCE at byte \d+.*ends at element 5, but storage 0 has 4/],
    ["by its offset", { offset: 1 }, /SP0546.*from element 1 ends at element 4/],
    ["by its strides", { strides: [3, 1] }, /SP0546.*ends at element 4/],
    ["by sizes beyond all numbers", { shape: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], strides: [2 ** 31 - 1, 2 ** 31 - 1, 1] }, /SP0546/],
    ["by a stride of zero, over and over", { shape: [1000, 1000], strides: [0, 0] }, /SP0546.*1000000 elements, more than the 4 of storage 0: it repeats them/],
    ["by a size below zero", { shape: [-1, 2] }, /SP0546.*size of a tensor is no tuple of whole numbers from 0/],
    ["by fewer strides than sizes", { strides: [1] }, /SP0546.*do not fit together/],
    ["whose storage is longer than its entry", { length: 5 }, /SP0546.*has 5 elements of torch\.FloatStorage, but its entry has 16 bytes/],
    ["whose storage is not there", { key: "7" }, /SP0546.*storage "7" is not in the archive/],
    ["whose storage is above the archive", { key: "../../x" }, /SP0546.*is not in the archive/],
    ["of complex numbers", { type: "ComplexFloatStorage" }, /SP0547.*has type torch\.ComplexFloatStorage/],
  ];
  test.each(ways)("%s", (_, spec, message) => {
    expect(refusal(torchZip(oneTensor(spec), four))).toMatch(message);
  });
});

describe("a zip archive that is broken or grows beyond all measure", () => {
  const zeros = new Uint8Array(64 * 1024 * 1024);

  test("a bomb is refused by what it claims, before anything is inflated", () => {
    const bomb = zip([{ name: "a.npy", data: zeros, deflated: true }]);
    expect(bomb.byteLength).toBeLessThan(100_000);
    expect(refusal(bomb)).toMatch(/SP0542.*claims to hold 67108864.*more than 64 times its size is not believed/);
    expect(refusal(zip([{ name: "a.npy", data: new Uint8Array(10), deflated: true, claimed: 1e6 }]))).toMatch(/SP0542.*more than deflate can/);
  });

  test.each([
    ["claims too little", 100],
    ["claims too much", 12_000],
  ])("an entry that %s is not inflated further", (_, claimed) => {
    expect(refusal(zip([{ name: "a.npy", data: new Uint8Array(10_000), deflated: true, claimed }]))).toMatch(/SP0541.*does not inflate to the \d+ bytes/);
  });

  test("entries outside of the file, twice, encrypted or packed otherwise", () => {
    const array = npy([2], Float32Array.of(1, 2));
    expect(refusal(zip([{ name: "a.npy", data: array, claimed: 1e6 }]))).toMatch(/SP0541.*takes bytes \d+ to \d+, the file ends at/);
    expect(refusal(zip([{ name: "a.npy", data: array, at: 1e6 }]))).toMatch(/SP0541.*is not at byte 1000000/);
    expect(refusal(zip([{ name: "a.npy", data: array }, { name: "a.npy", data: array }]))).toMatch(/SP0545.*two entries "a\.npy"/);
    const patched = (at: number, value: number): Buffer => {
      const bytes = zip([{ name: "a.npy", data: array }]);
      bytes[bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2])) + at] = value;
      return bytes;
    };
    expect(refusal(patched(8, 1))).toMatch(/SP0541.*is encrypted/);
    expect(refusal(patched(10, 99))).toMatch(/SP0541.*packed by method 99/);
    expect(refusal(patched(0, 0))).toMatch(/SP0541.*entry 0 of 1 is not in the directory/);
  });

  test("archives of other things", () => {
    expect(refusal(zip([{ name: "readme.txt", data: new Uint8Array(3) }]))).toMatch(/SP0540.*neither torch's data\.pkl nor numpy's arrays/);
    expect(refusal(torchZip([pickle.dict()], {}, [{ name: "archive/constants.pkl", data: new Uint8Array() }]))).toMatch(/SP0540.*TorchScript/);
    expect(refusal(torchZip([pickle.dict()], {}, [{ name: "archive/byteorder", data: Buffer.from("big") }]))).toMatch(/SP0540.*big-endian/);
  });
});

describe("arrays of numpy", () => {
  const header = (text: string, data = 8): Buffer => Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), u16(text.length), Buffer.from(text), new Uint8Array(data)]);
  test.each([
    ["objects", header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), /SP0547.*Python objects/],
    ["records", header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), /SP0547.*records/],
    ["text", header("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }"), /SP0547.*<U4/],
    ["a size that is not there", header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"), /SP0548.*12 bytes, but 8 follow/],
    ["a size beyond all numbers", header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"), /SP0548/],
    ["code in the header", header("{'descr': __import__('os'), 'fortran_order': False, 'shape': (), }"), /SP0548.*its header is/],
    ["a header longer than the file", Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), u16(65535), new Uint8Array(9)]), /SP0548.*its header takes 65535 bytes/],
  ])("%s", (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });
});

describe("files that are no checkpoints", () => {
  test.each([
    ["nothing", "", /SP0540/],
    ["HDF5", "\x89HDF\r\n\x1a\n", /SP0540.*HDF5/],
    ["a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1", /SP0540.*Git LFS/],
    ["a header larger than the file", "\xff\xff\xff\xff\x00\x00\x00\x00{", /SP0802/],
  ])("%s", (_, text, message) => {
    expect(refusal(Buffer.from(text, "latin1"))).toMatch(message);
  });
});

describe("files cut short or with a byte changed end with tensors or a coded message, never otherwise", () => {
  const files = ["kinds.pth", "kinds-stream.pth", "kinds-protocol4.pth", "arrays.npz", "arrays-packed.npz", "one.npy", "module.pth"];

  test.each(files)("%s cut", (name) => {
    const bytes = readFileSync(fixture(name));
    for (let length = 0; length < bytes.byteLength; length += 37) expect(refusal(bytes.subarray(0, length)), `first ${length} bytes`).toMatch(/^SP05\d\d: /);
  });

  test.each(files)("%s changed", (name) => {
    const bytes = readFileSync(fixture(name));
    const random = new Random(1, name);
    for (let round = 0; round < 400; round++) {
      const spoiled = Buffer.from(bytes);
      for (let i = 0; i <= round % 3; i++) spoiled[Math.floor(random.between(0, spoiled.byteLength))] = Math.floor(random.between(0, 256));
      expect(refusal(spoiled, true)).toMatch(/^(SP(05|08)\d\d: |$)/);
    }
  });
});
