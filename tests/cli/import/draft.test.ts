import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { contiguous, TensorView } from "../../../src/cli/checkpoint/values.ts";
import { draftNet } from "../../../src/cli/import/draft.ts";
import { planImport } from "../../../src/cli/import/plan.ts";
import { SYSTEMS, type System } from "../../../src/cli/import/systems.ts";
import { requiredTensors, type RequiredTensor } from "../../../src/cli/weights/required.ts";
import { compileSource } from "../../../src/ir/from-source.ts";
import { Folder, spnet } from "../support.ts";
import { fixture } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

/** A checkpoint of names and shapes; its values are never read. */
const views = (tensors: readonly (readonly [string, readonly number[]])[]): ReadonlyMap<string, TensorView> =>
  new Map(
    tensors.map(([name, shape]) => {
      const storage = { name: "none", dtype: "F32", typeName: "F32", bytes: () => new Uint8Array() } as const;
      return [name, new TensorView({ storage, offset: 0, shape, strides: contiguous(shape), place: "nowhere" })];
    }),
  );

function compiled(text: string): readonly RequiredTensor[] {
  const { module, diagnostics } = compileSource("draft.spnet", { readFile: () => text });
  expect(diagnostics.filter((d) => d.severity === "error").map((d) => `${d.code} ${d.message}`)).toEqual([]);
  return requiredTensors(module!);
}

const given = { prefix: "", axes: undefined, forms: new Map(), kernels: undefined, convolved: new Set<string>() } as const;

/** Examples, as checkpoints of a system. */
const EXAMPLES: readonly (readonly [string, System])[] = [
  ["second", SYSTEMS.get("spconv2")!],
  ["centerpoint", SYSTEMS.get("spconv2")!],
  ["cylinder3d", SYSTEMS.get("spconv2")!],
  ["minkunet18", SYSTEMS.get("minkowski")!],
  ["minkunet34", SYSTEMS.get("minkowski")!],
  ["sparse_resunet42", SYSTEMS.get("torchsparse")!],
  ["strokes2d", SYSTEMS.get("spconv2")!],
];

describe("a draft from the names and shapes of a known network", () => {
  test.each(EXAMPLES)("%s compiles, and reads every tensor of its checkpoint", (name, system) => {
    const { module } = compileSource(`examples/${name}.spnet`, { readFile: (path) => readFileSync(path, "utf8"), layout: system.layout! });
    // TorchSparse stores the taps of every kernel flat.
    const flat = (shape: readonly number[]): readonly number[] => (system.name === "torchsparse" && shape.length > 3 ? [shape.slice(0, -2).reduce((a, b) => a * b, 1), ...shape.slice(-2)] : shape);
    const tensors = views(requiredTensors(module!).map(({ name: tensor, stored }) => [tensor, flat(stored)]));
    const text = draftNet(`${name}.pth`, tensors, "", system);
    const required = compiled(text);
    expect(text.match(/left out.*/g) ?? []).toEqual([]);
    expect(required.map((t) => t.name).sort()).toEqual([...tensors.keys()].sort());
    expect(planImport(required, tensors, system, given)).toMatchObject({ missing: [], misshapen: [] });
  });
});

describe("the command", () => {
  test.each(["spconv2", "spconv1", "minkowski", "torchsparse", "scn", "fvdb"])("a draft of %s compiles, is marked where it guesses, and imports its own checkpoint", async (system) => {
    const draft = folder.at(`${system}.spnet`);
    expect(await spnet("import", fixture(`layers-${system}.pth`), "--from", system, "--draft", "--out", draft)).toEqual({ status: 0, out: "", err: "" });
    expect(readFileSync(draft, "utf8")).toMatch(/sites S : .*\/\/ \?/);
    expect((await spnet("check", draft)).status).toBe(0);
    const read = system === "scn" ? ["--read", "square.weight=in-out"] : [];
    const { status, err } = await spnet("import", fixture(`layers-${system}.pth`), "--from", system, "--net", draft, ...read);
    expect({ status, err }).toEqual({ status: 0, err: "" });
  });

  test("needs to know the system", async () => {
    expect(await spnet("import", fixture("layers-scn.pth"), "--draft")).toMatchObject({ status: 2, err: expect.stringContaining("--draft needs --from") });
  });
});

test("names from a file stay names", () => {
  const names = ['a"b', "a\nb", "a{b}", "a\\b", "c\u202eb", "*/", "// ?"];
  const tensors = views(names.flatMap((name): (readonly [string, readonly number[]])[] => [[`${name}.weight`, [4, 3, 3, 3, 4]], [`${name}.odd`, [2, 2]]]));
  const text = draftNet('x"\n}.pth', tensors, "", SYSTEMS.get("spconv2")!);
  const read = compiled(text).map((t) => t.name);
  expect(read).toContain('a"b.weight');
  expect(read).toContain("a{b}.weight");
  expect(read).toContain("a\\b.weight");
  expect(read.length).toBe(names.length);
});

test("layers that nothing leads to are left out, and said", () => {
  const text = draftNet("f", views([["a.weight", [4, 3, 3, 3, 2]], ["b.weight", [4, 3, 3, 3, 64]], ["c.weight", [7]], ["head.weight", [8, 4, 3, 3]]]), "", SYSTEMS.get("spconv2")!);
  expect(text).toContain("// ? left out: b, 64 to 4 channels: no value here has 64");
  expect(text).toContain("// ? left out: c [7]");
  expect(text).toContain("// ? left out: head [8, 4, 3, 3]");
  expect(compiled(text).map((t) => t.name)).toEqual(["a.weight"]);
});
