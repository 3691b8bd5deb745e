import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FORMS } from "../../src/cli/import/forms.ts";
import { kernelSizes } from "../../src/cli/import/plan.ts";
import { candidates, SYSTEMS } from "../../src/cli/import/systems.ts";
import { requiredTensors } from "../../src/cli/weights/required.ts";
import { compileSource } from "../../src/ir/from-source.ts";
import { pickle, torchTensor, torchZip } from "../cli/import/archive.ts";
import { Folder, spnet } from "../cli/support.ts";

/** docs/IMPORT.md as a new user would follow it: its networks written, its commands run in one folder, in its order. */
const root = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(root, "docs/IMPORT.md"), "utf8");
const commands = [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap((m) => m[1]!.trim().split("\n")).map((line) => line.split(" ").slice(1));
const option = (command: readonly string[], name: string): string | undefined => (command.includes(name) ? command[command.indexOf(name) + 1] : undefined);

const folder = new Folder();
const home = process.cwd();
beforeAll(() => {
  mkdirSync(folder.path, { recursive: true });
  symlinkSync(join(root, "examples"), folder.at("examples"));
  for (const [, name, net] of text.matchAll(/<!-- file: (\S+) -->\n```spnet\n([^]*?)```/g)) writeFileSync(folder.at(name!), net!);
  process.chdir(folder.path);
});
afterAll(() => {
  process.chdir(home);
  folder.remove();
});

/** A checkpoint as the command's system would have it: every tensor a view of one storage, below a prefix. */
function checkpointFor(command: readonly string[]): Uint8Array {
  const { module } = compileSource(option(command, "--net")!, { readFile: (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined) });
  const system = SYSTEMS.get(option(command, "--from")!)!;
  const prefix = option(command, "--prefix") ?? "";
  const entries = requiredTensors(module!).map((tensor) => {
    const [{ name, forms }] = candidates(tensor, system) as [ReturnType<typeof candidates>[number]];
    const shape = forms.map((form) => FORMS[form].shapes(kernelSizes(tensor))[0]).find((s) => s !== undefined) ?? tensor.shape;
    return { name: prefix + name, shape, size: shape.reduce((a, b) => a * b, 1) };
  });
  const length = Math.max(...entries.map((e) => e.size));
  const weights = entries.flatMap(({ name, shape }) => [pickle.text(name), torchTensor({ length, shape, strides: shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1)) })]);
  const state = pickle.dict(...weights, pickle.text(`${prefix}num_batches_tracked`), torchTensor({ length, shape: [1], strides: [1] }));
  const items = command.includes("--skip-objects") ? [pickle.text("model"), pickle.call("their.Model"), pickle.text("state_dict"), state] : [pickle.text("state_dict"), state];
  return torchZip([pickle.dict(...items)], { "0": new Uint8Array(Float32Array.from({ length }, (_, i) => 1 + (i % 7)).buffer) });
}

describe("the commands of IMPORT.md", () => {
  test("are one at least for every system", () => {
    expect(new Set(commands.map((c) => option(c, "--from")).filter((s) => s !== undefined))).toEqual(new Set(SYSTEMS.keys()));
  });

  test.each(commands.map((command) => [command.join(" "), command] as const))("spnet %s", async (_, command) => {
    const file = command[1]!;
    if (command[0] === "import" && !existsSync(file)) writeFileSync(file, checkpointFor(command));
    const { status, err } = await spnet(...command);
    expect({ status, err: err.replace(/^warning.*$/gm, "") }).toMatchObject({ status: 0, err: expect.not.stringContaining("error") });
    const out = option(command, "--out");
    if (out !== undefined) expect(existsSync(join(dirname(folder.at("x")), out))).toBe(true);
  });
});

test("the table of forms has every form, as it is stored", () => {
  const rows = [.../<!-- forms -->([^]*?)<!-- \/forms -->/.exec(text)![1]!.matchAll(/^\| `([\w-]+)` \|/gm)].map((m) => m[1]);
  expect(rows).toEqual(Object.keys(FORMS));
});
