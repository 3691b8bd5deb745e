import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { zipSync } from "fflate";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { READERS } from "../../src/cli/formats/read-table.ts";
import { bytes, npy, pack } from "../cli/formats/support.ts";
import { Folder, spnet } from "../cli/support.ts";

/** docs/DATA.md as a new user would follow it, on small files of every format. */
const root = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(root, "docs/DATA.md"), "utf8");
const commands = [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap((m) => m[1]!.trim().split("\n")).map((line) => line.split(" ").slice(1));

const folder = new Folder();
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  folder.remove();
});

const f32 = (...values: readonly number[]): Uint8Array => pack(values.map((v) => ["f32", v]));
const cloud = [0.1, 0.2, 0.3, 5, 0.15, 0.2, 0.3, 7, -1, 2, 0.5, 9];
const records = [3, 4, 100, 1, 3, 4, 200, 0, 60, 63, 300, 1].map((v) => ["u16", v] as const);
const events = [0, 1, 2, 3].map((c) => pack(records.filter((_, i) => i % 4 === c)));

/** LAS 1.2, point format 0, two points. */
function las(): Uint8Array {
  const head = new DataView(new ArrayBuffer(227));
  new Uint8Array(head.buffer).set(bytes("LASF"));
  [[24, 1], [25, 2]].forEach(([at, v]) => head.setUint8(at!, v!));
  head.setUint16(94, 227, true);
  head.setUint32(96, 227, true);
  head.setUint16(105, 20, true);
  head.setUint32(107, 2, true);
  [0.01, 0.01, 0.01, 5e5, 4e6, 0].forEach((v, i) => head.setFloat64(131 + 8 * i, v, true));
  const point = (x: number): Uint8Array => pack([["i32", x], ["i32", 2 * x], ["i32", 5], ["u16", 40], ["u8", 9], ["u8", 2], ["i8", 0], ["u8", 0], ["u16", 1]]);
  return bytes(new Uint8Array(head.buffer), point(10), point(900));
}

const files: Readonly<Record<string, Uint8Array | string>> = {
  "scan.bin": f32(...cloud),
  "sweeps.bin": pack([0x3c00, 0x4000, 0x3800, 0x3c00, 0x3400].map((v) => ["u16", v])),
  "cloud.ply": "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nproperty uchar red\nend_header\n0 0.5 1 200\n1 1 1 100\n",
  "cloud.pcd": "VERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA ascii\n1 2 3 4\nnan nan nan 0\n",
  "points.npy": npy("'<f4'", [3, 4], f32(...cloud)),
  "arrays.npz": zipSync({ "cloud.npy": npy("'<f4'", [3, 4], f32(...cloud)), "labels.npy": npy("'<f4'", [3], f32(1, 2, 3)) }),
  "tile.las": las(),
  "tile.laz": readFileSync(join(root, "tests/cli/formats/fixtures/pts3.laz")),
  "points.xyz": "0.1 0.2 0.3\n1 2 3\n",
  "mesh.obj": "v 0.1 0.2 0.3\nv 0.2 0.2 0.3\nf 1 2 1\n",
  "depth.png": PNG.sync.write({ width: 2, height: 1, data: Buffer.from(Uint16Array.of(5000, 5000, 5000, 65535, 0, 0, 0, 65535).buffer) } as PNG, { colorType: 0, inputColorType: 6, bitDepth: 16 }),
  "depth.npy": npy("'<f4'", [1, 2], f32(1.5, 0)),
  "events.npy": npy("[('x', '<u2'), ('y', '<u2'), ('t', '<u2'), ('p', '<u2')]", [3], pack(records)),
  "events.npz": zipSync(Object.fromEntries(["x", "y", "t", "p"].map((name, c) => [`${name}.npy`, npy("'<u2'", [3], events[c]!)]))),
  "frames.npy": npy("'<f4'", [2, 2, 3], f32(0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 7, 1)),
  "strokes.dat": ".PEN_DOWN\n0 0\n40 0\n40 30\n.PEN_UP\n",
};

beforeAll(() => {
  for (const [, name, net] of text.matchAll(/<!-- file: (\S+) -->\n```spnet\n([^]*?)```/g)) writeFileSync(folder.at(name!), net!);
  for (const [name, data] of Object.entries(files)) folder.write(name, data);
  process.chdir(folder.path);
});

describe("the commands of DATA.md", () => {
  test("have every format", () => {
    const ends = new Set(commands.flatMap((c) => c.filter((_, i) => c[i - 1] === "--input").map((f) => f.split(".").at(-1))));
    // .txt and .csv are read as .xyz is.
    expect([...Object.keys(READERS)].filter((end) => !ends.has(end))).toEqual(["txt", "csv"]);
    for (const end of Object.keys(READERS)) expect(text).toContain(`\`.${end}\``);
  });

  test.each(commands.map((command) => [command.join(" "), command] as const))("spnet %s", async (_, command) => {
    const { status, err, out } = await spnet(...command, "--target", "reference");
    expect({ status, err }).toMatchObject({ status: 0, err: expect.stringMatching(/[1-9]\d* sites; --fields /) });
    if (!command.includes("--output")) expect(out).toMatch(/^logits {2}[1-9]/);
  });
});
