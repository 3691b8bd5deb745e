import { afterAll, describe, expect, test } from "vitest";
import { inflateLzf } from "../../../src/cli/formats/lzf.ts";
import { Random } from "../../../src/cli/random.ts";
import { Folder } from "../support.ts";
import { bytes, failure, pack, plain, readOne } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());
const file = (name: string, ...parts: readonly (Uint8Array | string)[]): string => folder.write(name, bytes(...parts));

const HEADER = (format: string, vertices = 2): string =>
  `ply\nformat ${format} 1.0\ncomment made by hand\nelement camera 1\nproperty float fov\nelement vertex ${vertices}\nproperty float x\nproperty double y\nproperty int16 z\nproperty list uchar int near\nproperty uchar red\nelement face 1\nproperty list uchar uint vertex_indices\nend_header\n`;
const POINTS = { x: [0.5, -1], y: [0.1, 2], z: [-3, 7], red: [200, 255] };

function binary(little: boolean): Uint8Array {
  return pack(
    [
      ["f32", 60],
      ["f32", 0.5], ["f64", 0.1], ["i16", -3], ["u8", 2], ["i32", 1], ["i32", 9], ["u8", 200],
      ["f32", -1], ["f64", 2], ["i16", 7], ["u8", 0], ["u8", 255],
      ["u8", 3], ["u32", 0], ["u32", 1], ["u32", 1],
    ],
    little,
  );
}

describe("ply", () => {
  test.each(["binary_little_endian", "binary_big_endian"])("%s: lists and other elements are stepped over", async (format) => {
    const table = await readOne(file("a.ply", HEADER(format), binary(format.includes("little"))));
    expect(plain(table)).toEqual(POINTS);
    expect(table.place(1)).toBe(`byte ${HEADER(format).length + 4 + 4 + 8 + 2 + 9 + 1}`);
  });

  test("ascii", async () => {
    const table = await readOne(file("b.ply", HEADER("ascii"), "60\n0.5 0.1 -3 2 1 9 200\n-1 2 7 0 255\n3 0 1 1\n"));
    expect(plain(table)).toEqual(POINTS);
    expect(table.place(0)).toBe("line 16");
  });

  test("records of one size are read in place, in both byte orders", async () => {
    for (const little of [true, false]) {
      const header = `ply\r\nformat binary_${little ? "little" : "big"}_endian 1.0\r\nelement vertex 2\r\nproperty float x\r\nproperty ushort q\r\nend_header\r\n`;
      const table = await readOne(file("c.ply", header, pack([["f32", 1.5], ["u16", 513], ["f32", NaN], ["u16", 2]], little)));
      expect(plain(table)).toEqual({ x: [1.5, NaN], q: [513, 2] });
    }
  });

  test("every cut of a file is refused with a code", async () => {
    const whole = bytes(HEADER("binary_little_endian"), binary(true));
    for (let size = 0; size < whole.length; size++) expect(await failure(folder.write("cut.ply", whole.subarray(0, size)))).toMatch(/^SP083[56]: .*(line \d|byte \d)/);
    expect(await failure(folder.write("cut.ply", whole))).toBe("read 2 rows");
  });

  test("claims beyond the file, unknown types and broken headers are coded, in no time and memory", async () => {
    const start = performance.now();
    const claims = 9e15;
    expect(await failure(file("d.ply", HEADER("binary_little_endian", claims), binary(true)))).toMatch(/^SP0835: .*line 6.*promises 9000000000000000 of `vertex`/);
    expect(await failure(file("d.ply", `ply\nformat binary_little_endian 1.0\nelement vertex ${claims}\nproperty float x\nend_header\n1234`))).toMatch(/^SP0835: .*1 are there/);
    expect(await failure(file("d.ply", HEADER("ascii", 3), "60\n0.5 0.1 -3 0 200\n"))).toMatch(/^SP0835: .*promises 3 of `vertex`, it holds 1, and the file ends at line 16/);
    expect(await failure(file("d.ply", HEADER("ascii").replace("int16 z", "int17 z"), ""))).toMatch(/^SP0837: .*line 9: property `z` has the unknown type "int17"/);
    expect(await failure(file("d.ply", HEADER("ascii"), "60\n0.5 0.1 -3 0 200 9\n"))).toMatch(/^SP0838: .*line 16 has 6 columns, expected 5/);
    expect(await failure(file("d.ply", HEADER("ascii"), "60\n0.5 zero -3 0 200\n"))).toMatch(/^SP0838: .*line 16: "zero" in column 2/);
    expect(await failure(file("d.ply", HEADER("ascii_2"), ""))).toMatch(/^SP0837: .*line 2/);
    expect(await failure(file("d.ply", "plx\n"))).toMatch(/^SP0836: .*line 1/);
    expect(await failure(file("d.ply", "ply\nformat ascii 1.0\nelement vertex -1\n"))).toMatch(/^SP0836: .*line 3/);
    expect(await failure(file("d.ply", "ply\nformat ascii 1.0\nelement face 0\nend_header\n"))).toMatch(/^SP0836: .*no element `vertex`/);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

const pcd = (data: string, points = 3, fields = "x y z rgb _ n", more = "SIZE 4 4 4 4 1 2\nTYPE F F F F U I\nCOUNT 1 1 1 1 3 2"): string =>
  `# .PCD v0.7\nVERSION 0.7\nFIELDS ${fields}\n${more}\nWIDTH ${points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS ${points}\nDATA ${data}\n`;
const colour = new DataView(pack([["u32", 0x00102030]]).buffer).getFloat32(0, true);
const CLOUD = { x: [1, 2, 3], y: [-1, NaN, 0.5], z: [0, 0, 9], red: [16, 16, 16], green: [32, 32, 32], blue: [48, 48, 48], n_0: [1, 2, 3], n_1: [-1, -2, -3] };

/** liblzf's literals only, or also its back references where bytes repeat. */
function lzf(data: Uint8Array, references: boolean): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < data.length; ) {
    let length = 0;
    if (references && at > 0) while (length < 264 && at + length < data.length && data[at + length] === data[at - 1 + length]) length++;
    if (length >= 3) {
      const code = length - 2;
      out.push(...(code < 7 ? [code << 5] : [7 << 5, code - 7]), 0);
      at += length;
    } else {
      const run = Math.min(length > 0 ? length : 7, data.length - at);
      out.push(run - 1, ...data.subarray(at, at + run));
      at += run;
    }
  }
  return Uint8Array.from(out);
}

describe("pcd", () => {
  test("ascii", async () => {
    const rows = [1, 2, 3].map((i) => `${CLOUD.x[i - 1]} ${CLOUD.y[i - 1]} ${CLOUD.z[i - 1]} ${colour} 0 0 0 ${i} ${-i}`).join("\n");
    const table = await readOne(file("a.pcd", pcd("ascii"), rows));
    expect(plain(table)).toEqual(CLOUD);
    expect(table.place(2)).toBe("line 14");
  });

  test("binary", async () => {
    const data = [0, 1, 2].map((i) => pack([["f32", CLOUD.x[i]!], ["f32", CLOUD.y[i]!], ["f32", CLOUD.z[i]!], ["u32", 0x00102030], ["u8", 9], ["u8", 9], ["u8", 9], ["i16", i + 1], ["i16", -i - 1]]));
    expect(plain(await readOne(file("b.pcd", pcd("binary"), ...data)))).toEqual(CLOUD);
    for (const cut of [1, 22, 23, 68]) expect(await failure(file("b.pcd", bytes(pcd("binary"), ...data).subarray(0, -cut)))).toMatch(/^SP0835: .*promises 3 points/);
  });

  const planes = bytes(
    pack(CLOUD.x.map((v) => ["f32", v])), pack(CLOUD.y.map((v) => ["f32", v])), pack(CLOUD.z.map((v) => ["f32", v])),
    pack([1, 2, 3].map(() => ["u32", 0x00102030])), new Uint8Array(9), pack([1, -1, 2, -2, 3, -3].map((v) => ["i16", v])),
  );
  const compressed = (stream: Uint8Array, packed = stream.length, size = planes.length): Uint8Array => bytes(pcd("binary_compressed"), pack([["u32", packed], ["u32", size]]), stream);

  test("binary_compressed: fields one after another", async () => {
    // A field of two values per point holds the first point's two, then the second's: as PCL interleaves them.
    for (const references of [false, true]) {
      const table = await readOne(file("c.pcd", compressed(lzf(planes, references))));
      expect(plain(table)).toMatchObject({ x: CLOUD.x, y: CLOUD.y, red: CLOUD.red, blue: CLOUD.blue, n_0: [1, 2, 3], n_1: [-1, -2, -3] });
    }
  });

  test("LZF undoes what was packed, and hostile streams end with a place", () => {
    const random = new Random(5, "lzf");
    for (let round = 0; round < 60; round++) {
      const data = Uint8Array.from({ length: Math.floor(random.between(1, 900)) }, (_, i) => (random.between(0, 1) < 0.7 ? 7 : i & 255));
      const stream = lzf(data, true);
      expect(inflateLzf(stream, data.length)).toEqual(data);
      const broken = stream.slice();
      broken[Math.floor(random.between(0, broken.length))] = Math.floor(random.between(0, 256));
      const out = inflateLzf(broken, data.length);
      if (!(out instanceof Uint8Array)) expect(out.at).toBeLessThanOrEqual(broken.length);
    }
    expect(inflateLzf(Uint8Array.of(32, 0), 3)).toMatchObject({ at: 0, what: expect.stringContaining("reaches 1 bytes back where 0") });
    expect(inflateLzf(Uint8Array.of(4, 1, 2), 5)).toMatchObject({ at: 0, what: expect.stringContaining("5 literals are announced and 2") });
    expect(inflateLzf(Uint8Array.of(0, 1, 224), 9)).toMatchObject({ at: 2, what: expect.stringContaining("within a back reference") });
    expect(inflateLzf(Uint8Array.of(0, 1, 224, 255, 0), 9)).toMatchObject({ at: 2, what: expect.stringContaining("more than the 9") });
    expect(inflateLzf(Uint8Array.of(0, 1), 9)).toMatchObject({ at: 2, what: expect.stringContaining("1 bytes, yet claims 9") });
  });

  test("sizes that the file cannot hold are refused before anything is allocated", async () => {
    const stream = lzf(planes, true);
    expect(await failure(file("d.pcd", compressed(stream.subarray(0, 20))))).toMatch(/^SP0840: .*byte \d+/);
    expect(await failure(file("d.pcd", compressed(stream, 1e9)))).toMatch(/^SP0835: .*compressed stream takes bytes/);
    expect(await failure(file("d.pcd", compressed(stream, stream.length, 7)))).toMatch(/^SP0840: .*claims 7 bytes/);
    const huge = bytes(pcd("binary_compressed", 4e7, "x", "SIZE 4\nTYPE F\nCOUNT 1"), pack([["u32", 2], ["u32", 1.6e8]]), Uint8Array.of(0, 1));
    expect(await failure(folder.write("d.pcd", huge))).toMatch(/^SP0840: .*inflate 2 bytes to 160000000, more than LZF can/);
    expect(await failure(file("d.pcd", pcd("binary", 9e15), "1234"))).toMatch(/^SP0835/);
    expect(await failure(file("d.pcd", pcd("ascii", 9e15), "1 2 3 4 5 6 7 8 9\n"))).toMatch(/^SP0835: .*it holds 1/);
  });

  test("what is no header, no type and no row is coded", async () => {
    expect(await failure(file("e.pcd", pcd("binary_lzma")))).toMatch(/^SP0837: .*binary_lzma/);
    expect(await failure(file("e.pcd", pcd("ascii").replace("TYPE F F F F U I", "TYPE F F F F U X")))).toMatch(/^SP0837: .*`n` has the unknown type X of 2/);
    expect(await failure(file("e.pcd", pcd("ascii").replace("POINTS 3", "POINTS 4")))).toMatch(/^SP0836: .*POINTS is 4, WIDTH × HEIGHT is 3/);
    expect(await failure(file("e.pcd", pcd("ascii").replace("SIZE 4 ", "SIZE ")))).toMatch(/^SP0836: .*SIZE has 5 words for 6/);
    expect(await failure(file("e.pcd", "hello\n"))).toMatch(/^SP0836: .*line 1/);
    expect(await failure(file("e.pcd", "FIELDS x\n"))).toMatch(/^SP0836: .*no line DATA/);
    expect(await failure(file("e.pcd", pcd("ascii"), "1 2 3\n"))).toMatch(/^SP0838: .*line 12 has 3 columns, expected 9/);
  });
});
