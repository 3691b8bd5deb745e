import { zlibSync } from "fflate";
import type { CpuPlan } from "../../runtime/cpu/plan.ts";
import { printItems } from "../../runtime/dense-inputs.ts";
import type { InputPlan, OutputPlan, Plan } from "../../runtime/plan.ts";
import type { Kernel } from "../wgsl/spec.ts";
import { printPlan, printPlanBriefly } from "./print-plan.ts";
import { RUNTIME, RUNTIME_DTS, type Flavour } from "./runtime-text.generated.ts";

/** A network compiled for WebGPU: plan data and kernel texts. */
export interface Program {
  readonly plan: Plan;
  readonly kernels: readonly Kernel[];
}

/** A network compiled for the CPU: plan data and the WebAssembly module. */
export interface WasmProgram {
  readonly plan: CpuPlan;
  readonly code: Uint8Array;
}

/** What goes into one emitted module: either target, or both. */
export interface ModuleParts {
  /** Name of the `.spnet` file, for the header. */
  readonly source: string;
  readonly webgpu?: Program;
  readonly wasm?: WasmProgram;
}

/** The three texts of an emitted module, TypeScript to be read, JavaScript to be sent; deterministic for the same parts. */
export interface EmittedModule {
  readonly ts: string;
  readonly js: string;
  readonly dts: string;
}

/** A constant of the module: what it is, its type, and its value as text to be read and as a shorter one. */
interface Constant {
  readonly name: string;
  readonly doc: string;
  readonly type: string;
  readonly value: string;
  readonly brief?: string;
}

/** One ES module without dependencies: plans, kernels, and the run time that its targets need. */
export function emitModule(parts: ModuleParts, version: string): EmittedModule {
  const { webgpu, wasm } = parts;
  const { inputs, outputs } = interfaceOf(parts);
  const flavour: Flavour = wasm === undefined ? "webgpu" : webgpu === undefined ? "wasm" : "both";
  const head = header(parts, version);
  const constants: readonly Constant[] = [
    ...(webgpu === undefined ? [] : webgpuConstants(webgpu)),
    ...(wasm === undefined ? [] : wasmConstants(wasm, webgpu?.plan)),
  ];
  const body = (typed: boolean): string =>
    [...constants.map((c) => `/** ${c.doc} */\nexport const ${c.name}${typed ? `: ${c.type}` : ""} = ${typed ? c.value : (c.brief ?? c.value)};\n`), CREATE_DOC + create(flavour, typed)].join("\n");
  const types = interfaceTypes(inputs, outputs);
  const runtime = (language: "ts" | "js"): string => RUNTIME.filter((file) => file[`${language}For`].includes(flavour)).map((file) => file[language]).join(language === "ts" ? "\n" : "");
  return {
    ts: `${head}\n${types}\n${body(true)}\n${RULE}${runtime("ts")}`,
    js: `${head}\n${body(false)}\n${RULE}${runtime("js")}`,
    dts: [
      head,
      types,
      constants.map((c) => `/** ${c.doc} */\nexport declare const ${c.name}: ${c.type};\n`).join(""),
      `${CREATE_DOC}export declare function create(options: CreateOptions): Promise<Network<Inputs, Outputs>>;`,
      RULE + RUNTIME_DTS[flavour],
    ].join("\n"),
  };
}

const RULE = "// ---- the run time, the same in every module of these targets ----\n\n";

const CREATE_DOC = "/** Makes the network run: opens what it runs on, reads the weights. See CreateOptions. */\n";

/** The run time's function that opens each kind of module. */
const OPEN: Readonly<Record<Flavour, { readonly name: string; readonly parts: string }>> = {
  webgpu: { name: "createNetwork", parts: "plan, kernels" },
  wasm: { name: "openCpu", parts: "cpuPlan, code" },
  both: { name: "openNetwork", parts: "{ webgpu: { plan, kernels }, wasm: { plan: cpuPlan, code } }" },
};

function create(flavour: Flavour, typed: boolean): string {
  const { name, parts } = OPEN[flavour];
  const [parameter, result, of] = typed ? ["options: CreateOptions", ": Promise<Network<Inputs, Outputs>>", "<Inputs, Outputs>"] : ["options", "", ""];
  return `export function create(${parameter})${result} {\n  return ${name}${of}(${parts}, options);\n}\n`;
}

function interfaceOf({ webgpu, wasm }: ModuleParts): Plan | CpuPlan {
  const plan = webgpu?.plan ?? wasm?.plan;
  if (plan === undefined) throw new Error("internal: a module without a target");
  return plan;
}

const webgpuConstants = ({ plan, kernels }: Program): readonly Constant[] => [
  { name: "plan", doc: "Inputs, outputs, memory and steps, in the order they run.", type: "Plan", value: printPlan(plan), brief: printPlanBriefly(plan) },
  { name: "kernels", doc: "WGSL by entry point.", type: "Readonly<Record<string, string>>", value: `{\n${kernels.map(printKernel).join("")}}` },
];

/** What both plans say alike is said once. */
const wasmConstants = ({ plan, code }: WasmProgram, other: Plan | undefined): readonly Constant[] => [
  { name: "cpuPlan", doc: "Inputs, outputs, memory and steps on the CPU, in the order they run.", type: "CpuPlan", value: printPlan(plan, other), brief: printPlanBriefly(plan, other) },
  { name: "code", doc: "The functions of the CPU's steps: a WebAssembly module, deflated, in base64.", type: "string", value: JSON.stringify(pack(code)) },
];

/** Functions of one network are much alike: a tenth of the size is left. The compressor is the same code everywhere, so the text is, too. */
function pack(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of zlibSync(bytes, { level: 9 })) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function header(parts: ModuleParts, version: string): string {
  const { name, inputs, outputs } = interfaceOf(parts);
  const { webgpu, wasm } = parts;
  const count = ({ steps, geometry }: Plan | CpuPlan, what: string, more: string): string => `// ${what}: ${steps.length} feature ${more}, ${geometry.rulebooks.length} rulebook searches`;
  return [
    `// ${name}, compiled by spnet ${version} from ${comment(parts.source)}.`,
    ...inputs.map((i) => i.shape !== undefined ? `// in   ${comment(i.name)}: dense [${i.shape.join(", ")}]` : `// in   ${comment(i.name)}: ${i.positions === true ? "points at" : "rows of"} (batch, ${i.axes.map(comment).join(", ")}) with ${i.channels} channels`),
    ...outputs.map((o) => `// out  ${comment(o.name)}: ${o.kind} [${o.shape.join(", ")}]`),
    ...(webgpu === undefined ? [] : [`${count(webgpu.plan, "webgpu", "dispatches")}, ${webgpu.kernels.length} kernels.`]),
    ...(wasm === undefined ? [] : [`${count(wasm.plan, "wasm", "steps")}, ${wasm.code.length} bytes of WebAssembly.`]),
    "",
  ].join("\n");
}

/** Text from a file, harmless inside a line comment. */
const comment = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");

/** What the type of an input does not say. */
function docOf({ shape, positions, axes, channels }: InputPlan): string {
  if (shape !== undefined) return `  /** ${printItems(shape)} */\n`;
  return positions === true ? `  /** Points: positions (batch, ${axes.map(comment).join(", ")}) instead of coordinates, ${channels} channels. */\n` : "";
}

function interfaceTypes(inputs: readonly InputPlan[], outputs: readonly OutputPlan[]): string {
  const named = inputs.map((i) => `${docOf(i)}  readonly ${JSON.stringify(i.name)}: ${i.shape === undefined ? "SparseInput" : "TensorInput"};`);
  const given = outputs.map((o) => `  readonly ${JSON.stringify(o.name)}: ${o.kind === "feat" ? "FeatOutput" : "DenseOutput"};`);
  return `/** Inputs of this network by name. */\nexport interface Inputs {\n${named.join("\n")}\n}\n\n/** Outputs of this network by name. */\nexport interface Outputs {\n${given.join("\n")}\n}\n`;
}

/** A template literal keeps the kernel's lines; the characters that would end or open it are escaped. */
function printKernel(kernel: Kernel): string {
  const text = kernel.code.replace(/\\/g, "\\\\").replace(/`/g, "\\`").replace(/\$\{/g, "\\${");
  return `  ${JSON.stringify(kernel.name)}: /* wgsl */ \`${text}\`,\n`;
}
