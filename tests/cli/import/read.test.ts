import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { materialize } from "../../../src/cli/checkpoint/materialize.ts";
import { readCheckpoint } from "../../../src/cli/checkpoint/read-checkpoint.ts";
import { findSections, type Section } from "../../../src/cli/checkpoint/sections.ts";
import { PyDict, type Value } from "../../../src/cli/checkpoint/values.ts";
import { parseSafetensors } from "../../../src/cli/files/safetensors.ts";
import { fixture } from "./support.ts";

const sections = (name: string, skipObjects = false): readonly Section[] => findSections(name, readCheckpoint(name, readFileSync(fixture(name)), { skipObjects }));

/** Every tensor of a section, made whole, against the safetensors beside it: type, shape and every byte. */
function expectTensors(section: Section, beside: string, except: readonly string[] = []): void {
  const wanted = parseSafetensors(beside, readFileSync(fixture(beside)));
  const got = new Map([...section.tensors].filter(([name]) => !except.includes(name)).map(([name, view]) => [name, materialize(name, view)]));
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, { dtype, shape, bytes }] of wanted) {
    expect({ name, dtype: got.get(name)!.dtype, shape: got.get(name)!.shape, bytes: [...got.get(name)!.bytes] }).toEqual({ name, dtype, shape, bytes: [...bytes] });
  }
}

describe("files of torch.save", () => {
  test.each(["kinds.pth", "kinds-stream.pth", "kinds-protocol4.pth", "kinds-protocol1.pth"])("%s: every element type, shared and turned storages", (name) => {
    const found = sections(name);
    expect(found.map(({ path }) => path)).toEqual(["", "model_state", "optimizer_state", "optimizer_state/state", "optimizer_state/state/0"]);
    expectTensors(found.find(({ path }) => path === "model_state")!, "kinds.safetensors");
  });

  test("what stands beside the weights is read as far as it is plain, and never made", () => {
    const { root } = readCheckpoint("kinds.pth", readFileSync(fixture("kinds.pth")));
    const value = (name: string): Value => (root as PyDict).entries.get(name)!;
    expect([value("epoch"), value("best"), value("big"), value("nothing")]).toEqual([12, 0.5, 2n ** 70n, null]);
    expect(value("options")).toMatchObject({ what: "argparse.Namespace" });
    expect(value("path")).toMatchObject({ what: "pathlib.PosixPath" });
    expect(value("size")).toMatchObject({ items: [1, 2] });
  });

  test("a module that was saved whole is refused, and read when its objects are left out", () => {
    expect(() => sections("module.pth")).toThrow(/SP0544.*GLOBAL at byte \d+: it names torch\.nn\.modules\.container\.Sequential/s);
    const [whole] = sections("module.pth", true);
    expect(whole).toBeDefined();
    expectTensors(whole!, "module.safetensors");
  });
});

describe("files of numpy", () => {
  test.each(["arrays.npz", "arrays-packed.npz"])("%s: both orders of axes and of bytes", (name) => {
    const [whole] = sections(name);
    expectTensors(whole!, "arrays.safetensors", ["zeros"]);
    if (name === "arrays-packed.npz") expect([...materialize("zeros", whole!.tensors.get("zeros")!).bytes].every((b) => b === 0)).toBe(true);
  });

  test("one array has the name of its file", () => {
    const [whole] = sections("one.npy");
    const wanted = parseSafetensors("", readFileSync(fixture("arrays.safetensors"))).get("a.weight")!;
    expect(materialize("one", whole!.tensors.get("one")!)).toMatchObject({ shape: [3, 4], bytes: new Uint8Array(wanted.bytes) });
  });
});

test("safetensors are read as they are", () => {
  const [whole] = sections("kinds.safetensors");
  expectTensors(whole!, "kinds.safetensors");
});
