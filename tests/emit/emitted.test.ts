import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { compileSource } from "../../src/ir/from-source.ts";
import type { CpuPlan, CreateOptions, Plan } from "../../src/runtime/index.ts";
import { relativeError } from "../support/compare.ts";
import { emit, programOf, SMALL, useModules, wasmProgramOf } from "../support/emitted.ts";
import { dataOf, type AnyNetwork } from "../support/network-runs.ts";
import { cloud, netFromText, reference } from "../support/source-net.ts";

const modules = useModules();
const { folder } = modules;

/** What a module for both targets exports. */
interface Emitted {
  readonly plan: Plan;
  readonly cpuPlan: CpuPlan;
  readonly code: string;
  create(options: CreateOptions): Promise<AnyNetwork>;
}

const STRICT: ts.CompilerOptions = {
  strict: true, noImplicitReturns: true, noEmit: true, skipLibCheck: true, types: [],
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
};
/** Declarations of the platform, read once: reading them takes longer than checking a module. */
const declarations = new Map<string, ts.SourceFile | undefined>();

/** Messages of strict tsc on a text, with WebGPU's types and nothing of Node or the DOM, each with its line. */
function strictProblems(text: string): string[] {
  const file = join(folder, "check.ts");
  const types = new URL("../../node_modules/@webgpu/types/dist/index.d.ts", import.meta.url).pathname;
  const host = ts.createCompilerHost(STRICT);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    if (name === file) return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
    if (!declarations.has(name)) declarations.set(name, read(name, ...rest));
    return declarations.get(name);
  };
  const program = ts.createProgram([file, types], STRICT, host);
  return ts.getPreEmitDiagnostics(program).flatMap((d) => (d.file?.fileName === file ? [`${text.slice(0, d.start).split("\n").at(-1)}${text.slice(d.start).split("\n")[0]!}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`] : []));
}

describe("the emitted module", () => {
  const net = netFromText(SMALL);

  it("is the same text every time", async () => {
    expect(await emit(netFromText(SMALL).module, "both")).toEqual(await emit(net.module, "both"));
  });

  it.each(["webgpu", "wasm", "both"] as const)("for %s passes strict tsc, source and declarations", async (targets) => {
    const { ts: source, dts } = await emit(net.module, targets);
    expect(strictProblems(source)).toEqual([]);
    expect(strictProblems(dts)).toEqual([]);
  });

  it.each(["webgpu", "wasm", "both"] as const)("for %s types inputs: what is dense takes a tensor and has no coordinates", async (targets) => {
    const images = netFromText("spnet 1\nnet T {\n  sites S : (y: 8, x: 8)\n  input img : dense[3, 8, 8]\n  input a : feat[S, 2]\n  output y = union(img |> from_dense |> linear(2), a)\n}\n");
    const { ts: source, dts } = await emit(images.module, targets);
    expect(dts).toContain('  /** [N, 3, 8, 8] */\n  readonly "img": TensorInput;\n  readonly "a": SparseInput;');
    const use = (call: string): string => `${source}\nasync function use(net: Network<Inputs, Outputs>, data: Float32Array, coords: Int32Array): Promise<void> {\n  ${call}\n}\nvoid use;\n`;
    const good = ["net.run({ img: data, a: { coords, features: data } })", 'net.run({ img: { shape: [1, 8, 8, 3], data, layout: "channels_last" }, a: { coords, features: data } })', "(await net.prepare({ a: coords }, { batch: 2 })).run({ img: data, a: data })"];
    const bad = ["net.run({ img: { coords, features: data }, a: { coords, features: data } })", "net.run({ img: data, a: data })", "net.prepare({ a: coords, img: coords })", "net.run({ a: { coords, features: data } })"];
    expect(strictProblems(use(good.map((call) => `await (await ${call});`).join("\n  ")))).toEqual([]);
    const problems = strictProblems(use(bad.map((call) => `await ${call};`).join("\n  ")));
    for (const call of bad) expect(problems.filter((p) => p.includes(`await ${call};: `)).length, call).toBeGreaterThan(0);
    expect(problems.filter((p) => !bad.some((call) => p.includes(call)))).toEqual([]);
  }, 60_000);

  it("imports nothing", async () => {
    const { ts: source, js } = await emit(net.module, "both");
    for (const text of [source, js]) expect(ts.preProcessFile(text, true, true).importedFiles).toEqual([]);
  });

  const scene = cloud(11, 200, 2, [9, 17, 21], 3);
  const wanted = reference(net, { a: scene }, 2);
  const imported = async (targets: "webgpu" | "wasm" | "both"): Promise<Emitted> => {
    const file = join(folder, `${targets}.mjs`);
    writeFileSync(file, (await emit(net.module, targets)).js);
    return (await import(pathToFileURL(file).href)) as Emitted;
  };
  /** Runs it once; what it told, and where it ran. */
  const ran = async (module: Emitted, options: Partial<CreateOptions>): Promise<{ readonly target: string; readonly notices: readonly string[] }> => {
    const notices: string[] = [];
    const network = await module.create({ weights: net.weights, onNotice: (line) => void notices.push(line), ...options });
    try {
      const outputs = await network.run({ a: scene });
      for (const [name, values] of wanted) expect(relativeError(dataOf(outputs[name]!), values), name).toBeLessThanOrEqual(1e-5);
      return { target: network.target, notices };
    } finally {
      network.dispose();
    }
  };

  it("for WebGPU runs in Node as it is, on a device of the caller's", async () => {
    expect(await ran(await imported("webgpu"), { device: modules.device })).toEqual({ target: "webgpu", notices: [] });
  });

  it("for the CPU runs in Node as it is", async () => {
    expect(await ran(await imported("wasm"), { threads: 0 })).toEqual({ target: "wasm", notices: [] });
    expect(await ran(await imported("wasm"), { threads: 2 })).toEqual({ target: "wasm", notices: [] });
  });

  it("for both runs where it is told, else on a GPU, else on the CPU with one line", async () => {
    const module = await imported("both");
    expect(await ran(module, { device: modules.device })).toEqual({ target: "webgpu", notices: [] });
    expect(await ran(module, { target: "wasm", threads: 1 })).toEqual({ target: "wasm", notices: [] });
    expect(await ran(module, { threads: 1 })).toEqual({ target: "wasm", notices: ["no GPU (SP0601), so it runs on CPU, WebAssembly, 1 thread, plain lanes"] });
  });

  it("says the same plan in JavaScript as in data", async () => {
    const module = await imported("both");
    expect(module.plan).toEqual(programOf(net.module).plan);
    const { plan, code } = await wasmProgramOf(net.module);
    expect(module.cpuPlan).toEqual(plan);
    expect(inflateSync(Buffer.from(module.code, "base64")).equals(code)).toBe(true);
  });

  it("keeps alive the WebGPU root that only it was given", async () => {
    const tiny = netFromText('spnet 1\nexport net Tiny {\n  sites S : (x)\n  input a : feat[S, 1]\n  output y = a |> linear(5, w="fc")\n}\n');
    writeFileSync(join(folder, "kept.mjs"), (await emit(tiny.module, "webgpu")).js);
    const webgpu = new URL("../../node_modules/webgpu/index.js", import.meta.url).href;
    const script = `
      import { create as open } from ${JSON.stringify(webgpu)};
      import { create } from "./kept.mjs";
      const weights = { "fc.weight": { shape: [5, 1], data: [1, 2, 3, 4, 5] } };
      const network = await create({ weights, gpu: open([]) });
      for (let i = 0; i < 20; i++) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        globalThis.gc();
      }
      const { y } = await network.run({ a: { coords: [0, 7], features: [2] } });
      console.log(y.features.join());
      process.exit(0);
    `;
    const file = join(folder, "keeps.mjs");
    writeFileSync(file, script);
    const { status, signal, stdout } = spawnSync(process.execPath, ["--expose-gc", file], { encoding: "utf8", timeout: 40_000 });
    expect([status, signal, stdout]).toEqual([0, null, "2,4,6,8,10\n"]);
  });

  it("keeps every kernel within the portable limits", () => {
    for (const k of programOf(net.module).kernels) {
      expect(k.bindings.length).toBeLessThanOrEqual(8);
      expect(k.workgroupBytes).toBeLessThanOrEqual(16_384);
    }
  });

  it("lets no text of the file into code: names are data, comments are harmless", async () => {
    const evil = "`+${globalThis.hacked=1}+`*/\\n\u2028globalThis.hacked=1//";
    const text = SMALL.replace('w="c0"', `w=${JSON.stringify(evil).replaceAll("{", "\\{").replaceAll("}", "\\}")}`);
    const hostile = netFromText(text);
    const { ts: source, js } = await emit(hostile.module, "both", `evil\nglobalThis.hacked=1 //.spnet`);
    expect(strictProblems(source)).toEqual([]);
    const parsed = ts.createSourceFile("x.js", js, ts.ScriptTarget.ES2022, true);
    let code = 0;
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node) && node.text === "hacked") code++;
      ts.forEachChild(node, visit);
    };
    visit(parsed);
    expect(code).toBe(0);
    expect(js).toContain("hacked");
  });
});

describe("every example", () => {
  const examples = new URL("../../examples/", import.meta.url);
  const names = ["second", "centerpoint", "minkunet18", "minkunet34", "sparse_resunet42", "cylinder3d", "strokes2d", "rgbd", "completion", "deepcnet"];
  it.each(names)("%s becomes a module that passes strict tsc within portable limits", async (name) => {
    const { module, diagnostics } = compileSource(`${name}.spnet`, { readFile: (path) => readFileSync(new URL(path, examples), "utf8") });
    expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
    const program = programOf(module!);
    for (const k of program.kernels) expect(k.bindings.length, k.name).toBeLessThanOrEqual(8);
    expect(strictProblems((await emit(module!, "both")).ts)).toEqual([]);
  });

  it("MinkUNet18 fits into 150 kB for the CPU, weights apart", async () => {
    const { module } = compileSource("minkunet18.spnet", { readFile: (path) => readFileSync(new URL(path, examples), "utf8") });
    const { js } = await emit(module!, "wasm");
    expect(Buffer.byteLength(js)).toBeLessThan(150_000);
  });
});
