import { gzipSync } from "node:zlib";
import { mkdirSync, readFileSync } from "node:fs";
import { PNG } from "pngjs";
import { zipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";
import { readTables } from "../../../src/cli/formats/read-table.ts";
import { Folder } from "../support.ts";
import { ascii, bytes, failure, npy, OPTIONS, pack, plain, readOne } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());
const file = (name: string, ...parts: readonly (Uint8Array | string)[]): string => folder.write(name, bytes(...parts));
const f32 = (...values: readonly number[]): Uint8Array => pack(values.map((v) => ["f32", v]));

/** A LAS 1.2 file of point format 3 with a record of two bytes more than it needs. */
function las(points: number, claimed = points): Uint8Array {
  const out = new Uint8Array(227 + points * 36);
  out.set(ascii("LASF"));
  const view = new DataView(out.buffer);
  out.set([1, 2], 24);
  view.setUint16(94, 227, true);
  view.setUint32(96, 227, true);
  out[104] = 3;
  view.setUint16(105, 36, true);
  view.setUint32(107, claimed, true);
  [0.01, 0.01, 0.5, 1000, 2000, -10].forEach((v, i) => view.setFloat64(131 + 8 * i, v, true));
  for (let i = 0; i < points; i++) {
    const at = 227 + 36 * i;
    [i, -i, 2 * i].forEach((v, axis) => view.setInt32(at + 4 * axis, v, true));
    view.setUint16(at + 12, 500 + i, true);
    out.set([2 | (3 << 3), 32 | 6], at + 14);
    view.setFloat64(at + 20, 0.5 * i, true);
    [1, 2, 3].forEach((v, c) => view.setUint16(at + 28 + 2 * c, 1000 * v, true));
  }
  return out;
}

describe("bin", () => {
  test("holds whole points, of four numbers unless it is said otherwise", async () => {
    const four = folder.write("a.bin", f32(1, 2, 3, 4));
    expect(plain(await readOne(four))).toEqual({ x: [1], y: [2], z: [3], intensity: [4] });
    expect(plain(await readOne(four, { columns: 2 }))).toEqual({ x: [1, 3], y: [2, 4] });
    expect(await failure(folder.write("b.bin", new Uint8Array(17)))).toMatch(/^SP0831: .*b\.bin has 17 bytes.*4 f32 \(16 bytes\); the last whole one ends at byte 16/);
  });
});

describe("las", () => {
  test("scale and offset, flags taken apart, records longer than needed", async () => {
    const table = await readOne(file("a.las", las(3)));
    const columns = plain(table);
    expect(columns).toMatchObject({ x: [1000, 1000.01, 1000.02], y: [2000, 1999.99, 1999.98], z: [-10, -9, -8], intensity: [500, 501, 502], return_number: [2, 2, 2], number_of_returns: [3, 3, 3], classification: [6, 6, 6], gps_time: [0, 0.5, 1], red: [1000, 1000, 1000], blue: [3000, 3000, 3000] });
    expect(table.place(2)).toBe("byte 299");
  });

  test("what is cut or claims too much is coded", async () => {
    const whole = las(3);
    for (const size of [0, 3, 24, 100, 226, 227, 299, 334]) expect(await failure(folder.write("b.las", whole.subarray(0, size)))).toMatch(/^SP083[56]: /);
    expect(await failure(folder.write("b.las", las(1, 4e9)))).toMatch(/^SP0835: .*promises 4000000000 points of 36 bytes from byte 227: 1 are there/);
    const patched = (at: number, value: number): string => folder.write("c.las", whole.map((b, i) => (i === at ? value : b)));
    expect(await failure(patched(25, 5))).toMatch(/^SP0837: .*LAS 1.5/);
    expect(await failure(patched(104, 11))).toMatch(/^SP0837: .*point format 11/);
    expect(await failure(patched(105, 10))).toMatch(/^SP0836: .*takes 34 bytes, its records have 10/);
    expect(await failure(patched(104, 0x83))).toMatch(/^SP0841: .*no record of LASzip/);
    expect(await failure(patched(104, 0x84))).toMatch(/^SP08(36|37)/);
  });
});

describe("laz", () => {
  const fixture = (format: number): Uint8Array => readFileSync(`tests/cli/formats/fixtures/pts${format}.laz`);
  const i = Array.from({ length: 120 }, (_, n) => n);

  test.each([0, 1, 2, 3, 6, 7, 8])("point format %d as laz-perf's writer made it", async (format) => {
    const table = await readOne(folder.write("p.laz", fixture(format)));
    const columns = plain(table);
    // make-laz.cpp has the formulas.
    expect(columns["x"]).toEqual(i.map((n) => (100 * n + (n % 7)) * 0.01 + 500000));
    expect(columns["y"]).toEqual(i.map((n) => (-50 * n + ((n * n) % 11)) * 0.01 + 4000000));
    expect(columns["z"]).toEqual(i.map((n) => ((n * 37) % 500) * 0.01 + 100));
    expect(columns["intensity"]).toEqual(i.map((n) => (n * 13) % 256));
    expect(columns["classification"]).toEqual(i.map((n) => (n % 5) + 1));
    expect(columns["gps_time"]).toEqual(format === 0 || format === 2 ? undefined : i.map((n) => 1000 + n * 0.25));
    const coloured = [2, 3, 7, 8].includes(format);
    expect([columns["red"], columns["green"], columns["blue"]]).toEqual(coloured ? [i.map((n) => n * 300), i.map((n) => 65535 - n * 200), i.map((n) => n * n)] : [undefined, undefined, undefined]);
    expect(columns["nir"]).toEqual(format === 8 ? i.map((n) => 7 * n) : undefined);
  });

  test("cut, hostile and unsupported files end with a code", async () => {
    const whole = fixture(3);
    for (const size of [200, 230, 300, 700, whole.length - 1]) expect(await failure(folder.write("c.laz", whole.subarray(0, size)))).toMatch(/^SP08(35|36|41): /);
    const start = new DataView(whole.buffer, whole.byteOffset).getUint32(96, true);
    const patched = (edit: (view: DataView) => void): string => {
      const copy = Uint8Array.from(whole);
      edit(new DataView(copy.buffer));
      return folder.write("c.laz", copy);
    };
    expect(await failure(patched((v) => v.setUint32(107, 4e9, true)))).toMatch(/^SP0841: .*claims 4000000000 points/);
    expect(await failure(patched((v) => v.setUint8(104, 0x80 | 4)))).toMatch(/^SP083[67]: /);
    expect(await failure(patched((v) => v.setUint16(227 + 54, 1, true)))).toMatch(/^SP0837: .*LASzip's way 1 with coder 0 \(byte 281\)/);
    for (const at of [start + 40, start + 60, start + 90]) {
      const result = await failure(patched((v) => new Uint8Array(v.buffer).fill(0xa5, at, at + 30)));
      expect(result).toMatch(/^(SP0841: |read 120 rows)/);
    }
  });
});

describe("arrays of numpy", () => {
  test("[rows, columns] of any number type, named by --columns", async () => {
    const table = await readOne(file("a.npy", npy("'>f8'", [2, 3], pack([["f64", 1], ["f64", 2], ["f64", 3], ["f64", 4], ["f64", 5], ["f64", 0.1]], false))), { columns: ["t", "y", "x"] });
    expect(plain(table)).toEqual({ t: [1, 4], y: [2, 5], x: [3, 0.1] });
    expect(await failure(folder.at("a.npy"), { columns: 4 })).toMatch(/^SP0846: .*\[2, 3\], but --columns says 4/);
  });

  test("records with padding, and one array per column", async () => {
    const data = [0, 1].flatMap((n) => [["u32", 1000 + n], ["u8", 77], ["u16", 3 + n], ["i8", -n]] as const);
    const table = await readOne(file("b.npy", npy("[('t', '<u4'), ('', '|V1'), ('x', '<u2'), ('p', '|i1')]", [2], pack(data))));
    expect(plain(table)).toEqual({ t: [1000, 1001], x: [3, 4], p: [0, -1] });
    expect(await failure(file("b.npy", npy("[('t', '<u4')]", [3], pack([["u32", 1]]))))).toMatch(/^SP0835: .*3 records of 4 bytes/);
    expect(await failure(file("b.npy", npy("[('t', '<u4', (3,))]", [3], new Uint8Array(36))))).toMatch(/^SP0836: .*nested ones and arrays/);
    expect(await failure(file("b.npy", npy("[('t', '<c8')]", [1], new Uint8Array(8))))).toMatch(/^SP0837: .*`t` has the type <c8/);
    const npz = folder.write("c.npz", zipSync({ "x.npy": npy("'|u1'", [2], Uint8Array.of(1, 2)), "y.npy": npy("'<f4'", [2], f32(0.5, 7)) }));
    expect(plain(await readOne(npz))).toEqual({ x: [1, 2], y: [0.5, 7] });
    const mixed = folder.write("d.npz", zipSync({ "a.npy": npy("'<f4'", [1, 3], f32(1, 2, 3)), "b.npy": npy("'<f4'", [1], f32(0.5)) }));
    expect(await failure(mixed)).toMatch(/^SP0846: .*`a` \[1, 3\], `b` \[1\]/);
    expect(plain(await readOne(mixed, { array: "a" }))).toEqual({ x: [1], y: [2], z: [3] });
    expect(await failure(mixed, { array: "q" })).toMatch(/^SP0846: .*it has `a`, `b`/);
    expect(await failure(folder.write("e.npz", readFileSync(mixed).subarray(0, 60)))).toMatch(/^SP0541/);
    expect(await failure(file("f.npy", npy("'<f4'", [999999999, 4], f32(1))))).toMatch(/^SP0548/);
  });

  test("frames: active pixels, channels first, last or none, several", async () => {
    const values = Array<number>(12).fill(0);
    [values[4], values[5], values[11]] = [5, -1, 3];
    const data = f32(...values);
    const chw = await readOne(file("g.npy", npy("'<f4'", [2, 2, 3], data)), { axes: ["y", "x"], channels: 2 });
    expect(plain(chw)).toEqual({ y: [1, 1], x: [1, 2], c0: [5, -1], c1: [0, 3] });
    const hwc = await readOne(file("g.npy", npy("'<f4'", [3, 2, 2], data)), { axes: ["y", "x"], channels: 2 });
    expect(plain(hwc)).toEqual({ y: [1, 2], x: [0, 1], c0: [5, 0], c1: [-1, 3] });
    const hw = await readOne(file("g.npy", npy("'<f4'", [3, 4], data)), { axes: ["y", "x"], channels: 1, as: "frames" });
    expect(plain(hw)).toEqual({ y: [1, 1, 2], x: [0, 1, 3], c0: [5, -1, 3] });
    const several = file("g.npy", npy("'<f4'", [3, 1, 2, 2], data));
    expect((await readTables(several, { ...OPTIONS, axes: ["y", "x"] })).map(plain)).toEqual([{ y: [], x: [], c0: [] }, { y: [0, 0], x: [0, 1], c0: [5, -1] }, { y: [1], x: [1], c0: [3] }]);
    expect(plain(await readOne(several, { axes: ["t", "y", "x"] }))).toEqual({ t: [1, 1, 2], y: [0, 0, 1], x: [0, 1, 1], c0: [5, -1, 3] });
    expect(await failure(several, { axes: ["y", "x"], channels: 7 })).toMatch(/^SP0846: .*expected frames of 7 channels/);
  });
});

describe("depth images", () => {
  const camera = { intrinsics: [2, 4, 1, 0.5] };
  const wanted = { x: [-0.5, 0.75], y: [-0.125, 0.1875], z: [1, 1.5], u: [0, 2], v: [0, 1] };

  test("floats are metres, whole numbers millimetres; 0 and NaN are no measurement", async () => {
    expect(plain(await readOne(file("a.npy", npy("'<f4'", [2, 3], f32(1, 0, NaN, Infinity, 0, 1.5))), camera))).toEqual(wanted);
    expect(plain(await readOne(file("b.npy", npy("'<u2'", [2, 3], pack([1000, 0, 0, 0, 0, 1500].map((v) => ["u16", v])))), camera))).toEqual(wanted);
    expect(await failure(folder.at("a.npy"), { as: "depth" })).toMatch(/^SP0844: .*3 × 2 pixels, and nothing says what camera/);
    expect(await failure(file("c.npy", npy("'<f4'", [1, 2], f32(1, -2))), camera)).toMatch(/^SP0844: .*row 0, column 1 is -2/);
  });

  const png = (values: readonly number[], width: number, colorType: 0 | 2 = 0): Buffer =>
    PNG.sync.write({ width, height: values.length / width, data: Buffer.from(Uint16Array.from(values.flatMap((v) => [v, v, v, 65535])).buffer) } as PNG, { colorType, inputColorType: 6, bitDepth: 16 });

  test("a grey PNG of 16 bits keeps every bit", async () => {
    const path = folder.write("d.png", png([1000, 0, 0, 0, 0, 1500], 3));
    expect(plain(await readOne(path, camera))).toEqual(wanted);
    const all = Array.from({ length: 600 }, (_, n) => 1 + ((n * 7919) % 65535));
    const table = await readOne(folder.write("e.png", png(all, 30)), { intrinsics: [1, 1, 0, 0], depthScale: 1 });
    expect(plain(table)["z"]).toEqual(all);
  });

  test("colour, cuts and claims are coded", async () => {
    const whole = png([1000, 0, 0, 0, 0, 1500], 3);
    for (const size of [0, 20, 40, whole.length - 14]) expect(await failure(folder.write("f.png", whole.subarray(0, size)), camera)).toMatch(/^SP0844: /);
    expect(await failure(folder.write("f.png", png([1, 2], 2, 2)), camera)).toMatch(/^SP0844: .*colour type 2/);
    const huge = Uint8Array.from(whole);
    new DataView(huge.buffer).setUint32(16, 1e9);
    expect(await failure(folder.write("f.png", huge), camera)).toMatch(/^SP0844: .*1000000000 × 2 pixels/);
  });
});

describe("text, meshes and files packed by gzip", () => {
  test("columns by blanks or commas, comments, a line of names, the line of each row", async () => {
    const table = await readOne(file("a.xyz", "# a scan\r\n1 2 3\r\n\r\n4,5;6e0 // end\n nan -inf +7\n"));
    expect(plain(table)).toEqual({ x: [1, 4, NaN], y: [2, 5, -Infinity], z: [3, 6, 7] });
    expect([table.place(1), table.unnamed]).toEqual(["line 4", true]);
    expect(plain(await readOne(file("b.csv", '"t",x,y,p\n1,2,3,4\n')))).toEqual({ t: [1], x: [2], y: [3], p: [4] });
    expect(await failure(file("a.txt", "1 2 3\n1 2\n"))).toMatch(/^SP0838: .*line 2 has 2 columns, expected 3 as line 1 has/);
    expect(await failure(file("a.txt", "1 2 3\n1 2 x3\n"))).toMatch(/^SP0838: .*line 2: "x3" in column 3/);
    expect(await failure(file("a.txt", "1 2 3\n"), { columns: 4 })).toMatch(/^SP0838: .*line 1 has 3 columns, expected 4 as --columns says/);
    expect(await failure(file("a.txt", Uint8Array.of(49, 10, 0, 49)))).toMatch(/^SP0836: .*line 2 \(from byte 2\)/);
    expect(await failure(file("a.stl", "1"))).toMatch(/^SP0847: .*\.stl/);
    expect(await failure(file("000000.label", "1234"))).toMatch(/^SP0847: .*labels of a data set are not read/);
  });

  test("vertices of a mesh; gzip", async () => {
    const mesh = "# m\nv 0.1 2 -3\nvn 0 0 1\nv 1 2 3\nf 1 2 1\n";
    expect(plain(await readOne(file("a.obj", mesh)))).toEqual({ x: [0.1, 1], y: [2, 2], z: [-3, 3] });
    expect(plain(await readOne(folder.write("a.obj.gz", gzipSync(mesh))))).toEqual({ x: [0.1, 1], y: [2, 2], z: [-3, 3] });
    expect(await failure(file("b.obj", "v 1 2\n"))).toMatch(/^SP0838: .*line 1 has 2 columns, expected 3 of a vertex/);
    expect(await failure(file("b.obj", "v 1 2 3\nv 1 2 3 4 5 6\n"))).toMatch(/^SP0838: .*line 2 has 6 columns, expected 3 as line 1/);
    expect(await failure(folder.write("c.obj.gz", gzipSync(mesh).subarray(0, 30)))).toMatch(/^SP0848: /);
    expect(await failure(folder.write("c.txt.gz", gzipSync(new Uint8Array(40_000_000))))).toMatch(/^SP0848: .*more than 64 times/);
  });
});

describe("pen strokes", () => {
  const ink = ".VERSION 1.0\n.PEN_DOWN\n0 0\n4 0\n4 3\n.PEN_UP\n.PEN_DOWN\n10 10\n.PEN_UP\n";

  test("are points along their lines, no two farther apart than half a voxel", async () => {
    const table = await readOne(file("a.dat", ink), { segments: [2, 2] });
    const { x, y, stroke } = plain(table) as Record<"x" | "y" | "stroke", readonly number[]>;
    expect([x, y, stroke]).toEqual([[0, 1, 2, 3, 4, 4, 4, 4, 10], [0, 0, 0, 0, 0, 1, 2, 3, 10], [0, 0, 0, 0, 0, 0, 0, 0, 1]]);
    expect(table.place(8)).toBe("line 8");
  });

  test("characters of a file that includes them are tables of their own", async () => {
    for (const name of ["include", "data"]) mkdirSync(folder.at(name), { recursive: true });
    folder.write("include/w.dat", ink);
    const path = folder.write("data/w.dat", '.INCLUDE w.dat\n.SEGMENT CHARACTER 1 ? "a"\n.SEGMENT CHARACTER 0-1 ? "b"\n');
    const tables = await readTables(path, OPTIONS);
    expect(tables.map((t) => [t.file.slice(path.length), t.rows])).toEqual([[', line 2 "a"', 1], [', line 3 "b"', 4]]);
    expect(await failure(folder.write("data/w.dat", '.INCLUDE w.dat\n.SEGMENT CHARACTER 2 ? "a"\n'))).toMatch(/^SP0845: .*line 2: the character "a" has stroke 2, but there are 2/);
    expect(await failure(folder.write("data/w.dat", ".INCLUDE ../w.dat\n"))).toMatch(/^SP0845: .*line 1 includes "..\/w.dat"/);
    expect(await failure(folder.write("data/w.dat", ".VERSION 1.0\n"))).toMatch(/^SP0845: .*no pen strokes/);
    expect(await failure(folder.write("data/w.dat", ".PEN_DOWN\n1 q\n"))).toMatch(/^SP0838: .*line 2: "q" in column 2/);
  });
});
