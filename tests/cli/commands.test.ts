import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { float32Tensor, int32Tensor } from "../../src/cli/files/tensor.ts";
import { Folder, SMALL_NET, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("small.spnet", SMALL_NET);
const broken = folder.write("broken.spnet", SMALL_NET.replace("relu\n", "rleu\n"));
const scene = folder.write(
  "scene.safetensors",
  writeSafetensors([int32Tensor("coords", [3, 4], Int32Array.of(0, 1, 2, 3, 0, 1, 2, 4, 0, 7, 15, 15)), float32Tensor("features", [3, 4], Float32Array.from({ length: 12 }, (_, i) => i / 7))]),
);

describe("command line", () => {
  test("without a command it shows the commands and fails; asked for help it does not fail", async () => {
    expect(await spnet()).toMatchObject({ status: 2, out: expect.stringContaining("compile") });
    expect(await spnet("--help")).toMatchObject({ status: 0, err: "" });
    expect((await spnet("--version")).out).toMatch(/^spnet \d+\.\d+\.\d+\n$/);
  });

  for (const command of ["check", "opt", "weights"]) {
    test(`${command} --help names every option once`, async () => {
      const { status, out } = await spnet(command, "--help");
      const options = [...out.matchAll(/^\s+(?:-\w, )?--([\w-]+)/gm)].map((m) => m[1]);
      expect(status).toBe(0);
      expect(options.length).toBeGreaterThan(2);
      expect(new Set(options).size).toBe(options.length);
    });
  }

  test("--limits desktop is for kernels that need it, and for GPUs alone", async () => {
    const wide = folder.write("wide.spnet", "spnet 1\nnet Wide {\n  sites S : (z, y, x)\n  input v : feat[S, 16]\n  output out = v |> subm(16, k=5, w=\"a\")\n}\n");
    const kernels = async (...options: readonly string[]): Promise<string> => (await spnet("dump", wide, "--stage", "wgsl", ...options)).out;
    expect(await kernels()).not.toContain("var<workgroup> lists");
    expect(await kernels("--limits", "desktop")).toContain("var<workgroup> lists");
    expect(await spnet("compile", wide, "--out", "unwritten", "--target", "wasm", "--limits", "desktop")).toMatchObject({ status: 2, err: expect.stringContaining("--limits is an option of the GPU's") });
  });

  test("wrong command lines are told apart from wrong files", async () => {
    expect(await spnet("frobnicate")).toMatchObject({ status: 2, err: expect.stringContaining("unknown command frobnicate") });
    expect(await spnet("check")).toMatchObject({ status: 2, err: expect.stringContaining("a file is missing") });
    expect(await spnet("check", net, net)).toMatchObject({ status: 2, err: expect.stringContaining("unexpected argument") });
    expect(await spnet("check", net, "--frobnicate")).toMatchObject({ status: 2, err: expect.stringContaining("--frobnicate") });
    expect(await spnet("check", net, "-O7")).toMatchObject({ status: 2, err: expect.stringContaining("-O is 7") });
    expect(await spnet("check", net, "--set", "x")).toMatchObject({ status: 2, err: expect.stringContaining("NAME=VALUE") });
  });
});

describe("check", () => {
  test("says what a good network is", async () => {
    expect(await spnet("check", net)).toEqual({ status: 0, err: "", out: "Small: 3 convolutions, 8 weight tensors, in voxels: (z < 8, y < 16, x < 16) × 4, out fine, coarse\n" });
  });

  test("shows mistakes with code and place, status 1", async () => {
    const { status, err } = await spnet("check", broken);
    expect(status).toBe(1);
    expect(err).toMatch(/error\[SP02\d\d\].*rleu/s);
    expect(err).toContain("broken.spnet:6:");
  });

  test("--json gives the same to programs", async () => {
    const { status, out } = await spnet("check", broken, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject([{ code: expect.stringMatching(/^SP02/), severity: "error" }]);
    expect(JSON.parse((await spnet("check", net, "--json")).out)).toEqual([]);
  });

  test("a file that is not there is a coded mistake", async () => {
    expect(await spnet("check", folder.at("none.spnet"))).toMatchObject({ status: 1, err: expect.stringMatching(/error\[SP0\d\d\d\].*none\.spnet/s) });
    expect(await spnet("check", folder.at("none.spir"))).toMatchObject({ status: 1, err: expect.stringContaining("error[SP0801]: cannot read") });
  });

  test("a library has no net to say something about, but mistakes are told", async () => {
    const library = folder.write("library.spnet", "spnet 1\nexport block twice(x: feat) -> feat {\n  return x |> relu |> relu\n}\n");
    expect(await spnet("check", library)).toEqual({ status: 0, err: "", out: `${library}: no net, and no mistake\n` });
    const wrong = folder.write("wrong.spnet", "spnet 1\nexport block twice(x: feat) -> feat {\n  return x |> rellu\n}\n");
    expect(await spnet("check", wrong)).toMatchObject({ status: 1, err: expect.stringContaining("did you mean `relu`") });
    const several = folder.write("several.spnet", ["A", "B"].map((name) => `net ${name} {\n  sites S : (x)\n  input a : feat[S, 1]\n  output y = relu(a)\n}\n`).reduce((text, net) => text + net, "spnet 1\n"));
    expect(await spnet("check", several)).toMatchObject({ status: 0, out: `${several}: nets A, B, and no mistake\n` });
    expect(await spnet("check", several, "--net", "B")).toMatchObject({ status: 0, out: expect.stringMatching(/^B: /) });
  });

  test("--remarks and --stats say what passes did", async () => {
    const { err } = await spnet("check", net, "--remarks", "--stats");
    expect(err).toMatch(/small\.spnet:6:\d+.*: fold-bn did: /);
    expect(err).toMatch(/^fuse-epilogue +[\d.]+ ms {2}/m);
  });
});

describe("weights", () => {
  const file = folder.at("weights.safetensors");

  test("lists tensors with stored shapes, by layout", async () => {
    expect((await spnet("weights", net)).out.split("\n").slice(0, 2)).toEqual(["a.weight [8, 3, 3, 3, 4]", "abn.weight [8]"]);
    expect((await spnet("weights", net, "--layout", "minkowski")).out.split("\n")[0]).toBe("a.kernel [27, 4, 8]");
  });

  test("writes made-up weights that fit", async () => {
    expect(await spnet("weights", net, "--random", "3", "--output", file)).toMatchObject({ status: 0 });
    expect(await spnet("weights", net, "--against", file)).toEqual({ status: 0, err: "", out: "8 of 8 tensors fit\n" });
  });

  test("compares with a file that does not fit", async () => {
    await spnet("weights", net, "--random", "3", "--output", file);
    const tensors = [...parseSafetensors(file, readFileSync(file)).values()];
    const prefixed = folder.write("prefixed.safetensors", writeSafetensors(tensors.map((t) => ({ ...t, name: `backbone.${t.name}` }))));
    const result = await spnet("weights", net, "--against", prefixed);
    expect(result).toMatchObject({ status: 1, out: "0 of 8 tensors fit\n" });
    expect(result.err).toMatch(/error\[SP0504\].*help: --prefix backbone\./s);
    expect(await spnet("weights", net, "--against", prefixed, "--prefix", "backbone.")).toMatchObject({ status: 0, err: "" });
    expect((await spnet("weights", net, "--against", scene)).err).toMatch(/SP0501.*`a\.weight` \[8, 3, 3, 3, 4\] is not in .*SP0703.*`coords`/s);
  });
});

describe("opt", () => {
  const spir = folder.write("small.spir", "");

  test("what dump prints, opt reads; passes run one by one give the same", async () => {
    const printed = await spnet("dump", net, "--stage", "net");
    expect(printed).toMatchObject({ status: 0, err: "" });
    folder.write("small.spir", printed.out);
    expect((await spnet("opt", spir, "--pipeline=")).out).toBe(printed.out);
    const watched = await spnet("opt", spir, "--pipeline=lower,reuse-rulebooks", "--print-before", "lower", "--print-after", "lower");
    expect(watched.err).toMatch(/^\/\/ before lower\n[^]*\n\/\/ after lower\n/);
    expect(watched.err.replace("// before lower\n", "").startsWith(printed.out)).toBe(true);
    const lowered = await spnet("opt", spir, "--pipeline=lower,reuse-rulebooks", "--output", folder.at("lowered.spir"));
    expect(lowered).toMatchObject({ status: 0, out: "" });
    expect((await spnet("opt", folder.at("lowered.spir"), "--pipeline=fold-bn")).out).toBe((await spnet("opt", spir, "--pipeline=lower,reuse-rulebooks,fold-bn")).out);
  });

  test("mistakes in pipelines and modules are coded", async () => {
    expect(await spnet("opt", spir, "--pipeline=lowre")).toMatchObject({ status: 1, err: expect.stringContaining("error[SP0290]") });
    expect(await spnet("opt", spir, "--pipeline=lower", "--print-after", "dce")).toMatchObject({ status: 2, err: expect.stringContaining("--print-after is dce, the pipeline runs lower") });
    expect(await spnet("opt", spir, "--pipeline=fold-bn")).toMatchObject({ status: 1, err: expect.stringContaining("error[SP0293]") });
    const bad = folder.write("bad.spir", readFileSync(spir, "utf8").replace("kernel = [3, 3, 3]", "kernel = [3, 3]"));
    expect(await spnet("opt", bad, "--pipeline=lower")).toMatchObject({ status: 1, err: expect.stringMatching(/error\[SP0901\].*\/\/ error: /s) });
    const cut = folder.write("cut.spir", readFileSync(spir, "utf8").slice(0, 200));
    expect(await spnet("opt", cut, "--pipeline=lower")).toMatchObject({ status: 1, err: expect.stringMatching(/error\[SP095\d\]/) });
  });
});

describe("dump", () => {
  test("--all writes every stage in order, and every kernel", async () => {
    const all = folder.at("all");
    expect(await spnet("dump", net, "--all", all, "-O1")).toMatchObject({ status: 0 });
    const names = readdirSync(all).sort();
    expect(names.slice(0, 4)).toEqual(["00-ast.json", "00-net.spir", "01-ground.spir", "02-lower.spir"]);
    expect(names.slice(-5)).toEqual(["90-fused.spir", "91-plan.spir", "92-cpu-plan.spir", "93-cpu.wat", "kernels"]);
    const kernels = readdirSync(`${all}/kernels`);
    expect(kernels.length).toBeGreaterThan(3);
    for (const kernel of kernels) expect(readFileSync(`${all}/kernels/${kernel}`, "utf8")).toContain("@compute");
  });

  test("--stage wat prints the CPU's functions with names and source lines, cpu-plan what they are made from", async () => {
    const { out } = await spnet("dump", net, "--stage", "wat");
    expect(out).toMatch(/^\(module\n/);
    expect(out).toMatch(/;; from \S*small\.spnet:6:\d+.*\n +\(func \$k00_conv_a\n/);
    expect((await spnet("dump", net, "--stage", "cpu-plan")).out).toMatch(/^spir 1 plan "Small"/);
  });

  test("--after prints what a pass leaves, and knows which ran", async () => {
    const fused = (await spnet("dump", net, "--stage", "fused", "-O1")).out;
    expect((await spnet("dump", net, "--after", "dce", "-O1")).out).toBe(fused);
    expect((await spnet("dump", net, "--after", "lower", "-O1")).out).not.toBe(fused);
    expect(await spnet("dump", net, "--after", "schedule", "-O1")).toMatchObject({ status: 2, err: expect.stringContaining("the pipeline runs ground, lower, ") });
  });

  test("asks for exactly one thing", async () => {
    expect(await spnet("dump", net)).toMatchObject({ status: 2 });
    expect(await spnet("dump", net, "--stage", "plan", "--after", "dce")).toMatchObject({ status: 2 });
    expect(await spnet("dump", net, "--stage", "wasm")).toMatchObject({ status: 2, err: expect.stringContaining("ast, net, fused, plan, wgsl, cpu-plan, wat") });
  });
});
