import { describe, expect, it } from "vitest";
import { SpnetError } from "../../src/runtime/errors.ts";
import { checkCoords, checkFeatures, mergeDuplicates, mergeFeatures, type DuplicatePolicy, wantedBatch } from "../../src/runtime/inputs.ts";
import { readSafetensors } from "../../src/runtime/safetensors.ts";

const info = { input: "voxels", axes: ["z", "y", "x"], extents: [4, 100, 200] };

function failure(body: () => unknown): SpnetError {
  try {
    body();
  } catch (error) {
    if (error instanceof SpnetError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("coordinates", () => {
  it("are taken as they are, with their bounds and batch size", () => {
    const checked = checkCoords(info, [0, 3, 99, 0, 2, 0, 5, 199], 0);
    expect(checked).toMatchObject({ rows: 2, batch: 3, min: [0, 5, 0], max: [3, 99, 199] });
  });

  it("may be none at all", () => {
    expect(checkCoords(info, [], 0)).toMatchObject({ rows: 0, batch: 1 });
  });

  it("must fill whole rows", () => {
    expect(failure(() => checkCoords(info, [0, 1, 2], 0))).toMatchObject({ code: "SP0810" });
  });

  it("must be 32-bit whole numbers", () => {
    expect(failure(() => checkCoords(info, [0, 1, 2, 3.5], 0))).toMatchObject({ code: "SP0811", details: { row: 0 } });
    expect(failure(() => checkCoords(info, [0, 1, 2, 2 ** 31], 0)).code).toBe("SP0811");
  });

  it("must name a batch item that exists", () => {
    const error = failure(() => checkCoords(info, [0, 0, 0, 0, 2, 1, 1, 1], 2));
    expect(error).toMatchObject({ code: "SP0812", details: { row: 1 } });
    expect(error.message).toContain("0 … 1");
    expect(failure(() => checkCoords(info, [-1, 0, 0, 0], 0))).toMatchObject({ code: "SP0812", message: expect.stringContaining("batch index -1 is negative") });
  });

  it("must lie within the extents; the message counts the rows outside", () => {
    const error = failure(() => checkCoords(info, [0, 0, 0, 0, 0, -1, 250, 0, 0, 0, 0, 200], 0));
    expect(error).toMatchObject({ code: "SP0813", details: { row: 1, outside: 2 } });
    expect(error.message).toContain("2 of 3 rows");
    expect(error.message).not.toContain("swapped");
  });

  it("get a hint when another order of the columns would fit", () => {
    const error = failure(() => checkCoords(info, [0, 150, 50, 3, 0, 10, 99, 1], 0));
    expect(error.message).toContain("swapped");
    expect(error.message).toContain("(batch, x, y, z)");
  });

  it("may be negative on a grid without extents", () => {
    expect(checkCoords({ ...info, extents: undefined }, [0, -5, 7, -9], 0)).toMatchObject({ min: [-5, 7, -9], max: [-5, 7, -9] });
  });
});

describe("duplicates", () => {
  const coords = Int32Array.from([0, 1, 1, 0, 2, 2, 0, 1, 1, 0, 1, 1]);
  const features = Float32Array.from([1, 10, 2, 20, 3, 30, 5, 50]);
  const expected: Record<Exclude<DuplicatePolicy, "error">, number[]> = {
    sum: [9, 90, 2, 20], mean: [3, 30, 2, 20], first: [1, 10, 2, 20], last: [5, 50, 2, 20],
  };
  for (const [policy, want] of Object.entries(expected)) {
    it(`are merged by ${policy}, rows in order of first appearance`, () => {
      const merged = mergeDuplicates(coords, 3);
      expect([...merged.coords]).toEqual([0, 1, 1, 0, 2, 2]);
      expect([...merged.rowOf]).toEqual([0, 1, 0, 0]);
      expect([...mergeFeatures("voxels", policy as DuplicatePolicy, features, 2, merged)]).toEqual(want);
    });
  }
});

it("a sum that float32 does not hold is SP0815 at the first row of its site", () => {
  const merged = mergeDuplicates(Int32Array.from([0, 5, 0, 1, 0, 1]), 2);
  const features = Float32Array.of(1, 1, 2, 3e38, 3, 3e38);
  expect(failure(() => mergeFeatures("voxels", "sum", features, 2, merged))).toMatchObject({ code: "SP0815", details: { row: 1, channel: 1 } });
  expect([...mergeFeatures("voxels", "mean", features, 2, merged)]).toEqual([1, 1, 2.5, Math.fround(3e38)]);
});

it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])("%d is no number of batch items: SP0812", (batch) => {
  expect(failure(() => wantedBatch(batch))).toMatchObject({ code: "SP0812" });
  expect([wantedBatch(undefined), wantedBatch(0), wantedBatch(3)]).toEqual([0, 0, 3]);
});

describe("features", () => {
  it("must be as many as rows and channels say", () => {
    expect(failure(() => checkFeatures("voxels", [1, 2, 3], 2, 2)).message).toContain("2 rows × 2 channels = 4");
  });

  it("must be finite, and the message says where they are not", () => {
    expect(failure(() => checkFeatures("voxels", [1, 2, Number.NaN, 4], 2, 2))).toMatchObject({ code: "SP0815", details: { row: 1, channel: 0 } });
  });
});

describe("safetensors in the run time", () => {
  const file = (header: string, bytes: number[]): Uint8Array => {
    const json = new TextEncoder().encode(header);
    const out = new Uint8Array(8 + json.length + bytes.length);
    new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
    out.set(json, 8);
    out.set(bytes, 8 + json.length);
    return out;
  };

  it("reads half, bfloat and single precision", () => {
    const header = JSON.stringify({ h: { dtype: "F16", shape: [3], data_offsets: [0, 6] }, b: { dtype: "BF16", shape: [1], data_offsets: [6, 8] }, f: { dtype: "F32", shape: [1], data_offsets: [8, 12] } });
    const read = readSafetensors(file(header, [0x00, 0x3c, 0x01, 0x00, 0x00, 0xc1, 0x80, 0x3f, 0x00, 0x00, 0x20, 0x40]));
    expect([...(read("h")!.data as Float64Array)]).toEqual([1, 2 ** -24, -2.5]);
    expect([...(read("b")!.data as Float64Array)]).toEqual([1]);
    expect([...(read("f")!.data as Float64Array)]).toEqual([2.5]);
    expect(read("absent")).toBeUndefined();
    expect(read("toString")).toBeUndefined();
  });

  it("reads whole numbers of 8 and 16 bits", () => {
    const header = JSON.stringify({ a: { dtype: "I8", shape: [3], data_offsets: [0, 3] }, b: { dtype: "I16", shape: [1], data_offsets: [3, 5] } });
    const read = readSafetensors(file(header, [0x80, 0xff, 0x7f, 0x00, 0x80]));
    expect([...(read("a")!.data as Float64Array), ...(read("b")!.data as Float64Array)]).toEqual([-128, -1, 127, -32768]);
  });

  it("reads single precision from wherever the bytes lie in their buffer, Node's shared ones included", () => {
    const whole = file(JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }), [...new Uint8Array(Float32Array.of(1.5, -3).buffer)]);
    for (let shift = 0; shift < 8; shift++) {
      const room = Buffer.alloc(whole.length + 16);
      room.set(whole, shift);
      expect([...(readSafetensors(room.subarray(shift, shift + whole.length))("w")!.data as Float32Array)]).toEqual([1.5, -3]);
    }
  });

  it("refuses truncated files and offsets outside, naming the byte", () => {
    expect(failure(() => readSafetensors(new Uint8Array(5))).code).toBe("SP0505");
    expect(failure(() => readSafetensors(file("{", []))).code).toBe("SP0505");
    const outside = JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } });
    expect(failure(() => readSafetensors(file(outside, [0, 0, 0, 0]))("w")).message).toContain("byte");
    const huge = new Uint8Array(16);
    new DataView(huge.buffer).setBigUint64(0, 1n << 60n, true);
    expect(failure(() => readSafetensors(huge)).code).toBe("SP0505");
  });
});
