/**
 * Compile time, text to emitted module, in a warm process: every example, then chains of growing length to show that
 * the cost is linear. `npm run bench:compile [-- NAME…]`; prints a table and, with `--json FILE`, writes the
 * figures; `--pairs never|model|always` as the command has it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot, packageVersion } from "../src/cli/version.ts";
import { emitModule } from "../src/codegen/plan/emit-module.ts";
import { lowerToPlan } from "../src/codegen/plan/lower.ts";
import { buildProgram } from "../src/codegen/plan/program.ts";
import { compileSource } from "../src/ir/from-source.ts";
import { runPipeline } from "../src/passes/manager.ts";
import { presetPipeline, withOptions } from "../src/passes/presets.ts";

const PHASES = ["front", "passes", "plan", "emit"] as const;

interface Timing {
  readonly name: string;
  /** Operations of the network, weights left out. */
  readonly operations: number;
  /** Median milliseconds by phase, and of the whole. */
  readonly ms: Readonly<Record<(typeof PHASES)[number] | "total", number>>;
}

type ReadFile = (path: string) => string | undefined;

/** One compilation; undefined when the file has no net of its own (a library). */
function compileOnce(file: string, readFile: ReadFile): { readonly operations: number; readonly times: readonly number[] } | undefined {
  const marks = [performance.now()];
  const { module, diagnostics } = compileSource(file, { readFile });
  marks.push(performance.now());
  if (module === undefined) {
    if (diagnostics.some((d) => d.severity === "error")) throw new Error(`${file} does not compile: ${diagnostics[0]?.message ?? ""}`);
    return undefined;
  }
  const { module: fused } = runPipeline(module, pipeline);
  marks.push(performance.now());
  const plan = lowerToPlan(fused);
  marks.push(performance.now());
  emitModule({ source: file, webgpu: buildProgram(plan) }, packageVersion());
  marks.push(performance.now());
  return { operations: module.ops.filter((op) => op.name !== "param").length, times: marks.slice(1).map((mark, i) => mark - marks[i]!) };
}

function measure(name: string, file: string, readFile: ReadFile, runs: number): Timing | undefined {
  const samples = Array.from({ length: runs + 2 }, () => compileOnce(file, readFile)).slice(2);
  const [first] = samples;
  if (first === undefined) return undefined;
  const phase = (index: number): number => median(samples.map((s) => s!.times[index]!));
  const [front, passes, plan, emit] = PHASES.map((_, i) => phase(i)) as [number, number, number, number];
  const total = median(samples.map((s) => s!.times.reduce((a, b) => a + b, 0)));
  return { name, operations: first.operations, ms: { front, passes, plan, emit, total } };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** A net of `operations` operations in a row: submanifold convolution, norm, activation, over and over. */
function chain(operations: number): string {
  return `spnet 1
export net Chain {
  dialect spconv
  sites S : (z, y, x)
  input x : feat[S, 8]
  var y = x
  for i in 0..${Math.floor(operations / 3)} { set y = y |> subm(8, k=3, w="{i}.conv") |> bn(w="{i}.bn") |> relu }
  output out = y
}
`;
}

function printTable(timings: readonly Timing[]): void {
  console.log(["name".padEnd(20), "ops".padStart(6), ...[...PHASES, "total", "µs/op"].map((h) => h.padStart(9))].join(" "));
  for (const { name, operations, ms } of timings) {
    const cells = [...PHASES.map((p) => ms[p]), ms.total].map((v) => v.toFixed(1).padStart(9));
    console.log([name.padEnd(20), String(operations).padStart(6), ...cells, ((1000 * ms.total) / operations).toFixed(0).padStart(9)].join(" "));
  }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" }, runs: { type: "string", default: "9" }, pairs: { type: "string", default: "model" } } });
const pipeline = withOptions(presetPipeline("O2"), "fuse-pairs", { pairs: values.pairs });
const folder = relative(process.cwd(), join(packageRoot(), "examples"));
const texts = new Map<string, string>();
for (const name of readdirSync(folder)) texts.set(join(folder, name), readFileSync(join(folder, name), "utf8"));
const wanted = (name: string): boolean => positionals.length === 0 || positionals.some((word) => name.includes(word));
const examples = [...texts.keys()].filter(wanted).flatMap((file) => measure(file.replace(/^.*\/|\.spnet$/g, ""), file, (path) => texts.get(path), Number(values.runs)) ?? []);
const chains = [100, 300, 1000, 3000, 10_000].filter((n) => wanted(`chain of ${n}`)).flatMap((n) => measure(`chain of ${n}`, "chain.spnet", () => chain(n), n > 1000 ? 3 : 9) ?? []);
console.log(`milliseconds, median, warm; Node ${process.version}, ${cpus()[0]?.model ?? "unknown CPU"}`);
printTable([...examples, ...chains]);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, examples, chains }, null, 2)}\n`);
