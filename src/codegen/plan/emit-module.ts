import type { Plan } from "../../runtime/plan.ts";
import type { Kernel } from "../wgsl/spec.ts";
import { RUNTIME_DTS, RUNTIME_JS, RUNTIME_TS } from "./runtime-text.generated.ts";

/** A compiled network: plan data and kernel texts. */
export interface Program {
  readonly plan: Plan;
  readonly kernels: readonly Kernel[];
  /** Name of the `.spnet` file, for the header. */
  readonly source: string;
}

/** The three texts of an emitted module; deterministic for one program. */
export interface EmittedModule {
  readonly ts: string;
  readonly js: string;
  readonly dts: string;
}

/** One ES module without dependencies: the plan, the kernels, and the run time they need. */
export function emitModule(program: Program, version: string): EmittedModule {
  const head = header(program, version);
  const plan = `/** Inputs, outputs, memory and steps, in the order they run. */\nexport const plan${"%plan%"} = ${printPlan(program.plan)};\n`;
  const kernels = `/** WGSL by entry point. */\nexport const kernels${"%kernels%"} = {\n${program.kernels.map(printKernel).join("")}};\n`;
  const types = interfaceTypes(program.plan);
  const doc = "/** Compiles the kernels and uploads the weights. See CreateOptions. */\n";
  const body = (annotate: (name: string) => string, create: string): string =>
    plan.replace("%plan%", () => annotate("plan")) + "\n" + kernels.replace("%kernels%", () => annotate("kernels")) + "\n" + doc + create;
  const tsAnnotations: Readonly<Record<string, string>> = { plan: ": Plan", kernels: ": Readonly<Record<string, string>>" };
  const tsCreate =
    "export function create(options: CreateOptions): Promise<Network<Inputs, Outputs>> {\n  return createNetwork<Inputs, Outputs>(plan, kernels, options);\n}\n";
  const jsCreate = "export function create(options) {\n  return createNetwork(plan, kernels, options);\n}\n";
  return {
    ts: `${head}\n${types}\n${body((n) => tsAnnotations[n]!, tsCreate)}\n${RULE}${RUNTIME_TS}`,
    js: `${head}\n${body(() => "", jsCreate)}\n${RULE}${RUNTIME_JS}`,
    dts: [
      head,
      types,
      "export declare const plan: Plan;\nexport declare const kernels: Readonly<Record<string, string>>;",
      `${doc}export declare function create(options: CreateOptions): Promise<Network<Inputs, Outputs>>;`,
      RULE + RUNTIME_DTS,
    ].join("\n"),
  };
}

const RULE = "// ---- the run time, the same in every emitted module ----\n\n";

function header(program: Program, version: string): string {
  const { plan } = program;
  return [
    `// ${plan.name}, compiled by spnet ${version} from ${comment(program.source)}.`,
    ...plan.inputs.map((i) => `// in   ${comment(i.name)}: rows of (batch, ${i.axes.map(comment).join(", ")}) with ${i.channels} channels`),
    ...plan.outputs.map((o) => `// out  ${comment(o.name)}: ${o.kind} [${o.shape.join(", ")}]`),
    `// ${plan.steps.length} feature dispatches, ${plan.geometry.rulebooks.length} rulebook searches, ${program.kernels.length} kernels.`,
    "",
  ].join("\n");
}

/** Text from a file, harmless inside a line comment. */
const comment = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");

function interfaceTypes(plan: Plan): string {
  const inputs = plan.inputs.map((i) => `  readonly ${JSON.stringify(i.name)}: unknown;`);
  const outputs = plan.outputs.map((o) => `  readonly ${JSON.stringify(o.name)}: ${o.kind === "feat" ? "FeatOutput" : "DenseOutput"};`);
  return `/** Inputs of this network by name. */\nexport interface Inputs {\n${inputs.join("\n")}\n}\n\n/** Outputs of this network by name. */\nexport interface Outputs {\n${outputs.join("\n")}\n}\n`;
}

/** A template literal keeps the kernel's lines; the characters that would end or open it are escaped. */
function printKernel(kernel: Kernel): string {
  const text = kernel.code.replace(/\\/g, "\\\\").replace(/`/g, "\\`").replace(/\$\{/g, "\\${");
  return `  ${JSON.stringify(kernel.name)}: /* wgsl */ \`${text}\`,\n`;
}

/** JSON laid out for reading: one line per step, buffer and input. */
function printPlan(plan: Plan): string {
  const entries = Object.entries(plan).map(([key, value]) => {
    if (!Array.isArray(value)) return `  ${key}: ${printData(value)},`;
    return value.length === 0 ? `  ${key}: [],` : `  ${key}: [\n${value.map((v) => `    ${printData(v)},`).join("\n")}\n  ],`;
  });
  return `{\n${entries.join("\n")}\n}`;
}

/** JSON with unquoted plain keys; U+2028 and U+2029 are legal in both, `__proto__` is not a plain key. */
function printData(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printData).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, v]) => v !== undefined);
    return `{ ${fields.map(([k, v]) => `${/^[A-Za-z]\w*$/.test(k) ? k : JSON.stringify(k)}: ${printData(v)}`).join(", ")} }`;
  }
  return JSON.stringify(value);
}
