/**
 * Runs every fixture of other systems and writes docs/PARITY.md: how far each target was from what was recorded.
 * `npm run parity`; the fixtures must lie beside the checkout. Fails where a test fails.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** How far a run of one fixture was from what another system, or an independent computation, gave; a test writes one a line. */
export interface Parity {
  readonly folder: string;
  readonly file: string;
  readonly target: string;
  /** The largest difference, of the largest value where `relative`. */
  readonly error: number;
  readonly tolerance: number;
  readonly relative: boolean;
}

const root = dirname(fileURLToPath(import.meta.url)).replace(/(\/dist)?\/scripts$/, "");
const fixtures = join(root, "..", "shared", "fixtures");
const log = join(root, ".cache", "parity.jsonl");
const TESTS = ["tests/ir/fixtures", "tests/ir/golden", "tests/ir/events", "tests/wasm/fixtures", "tests/wasm/golden", "tests/wasm/events", "tests/gpu/fixtures", "tests/gpu/golden", "tests/gpu/events", "tests/points"];
const TARGETS = ["interpreter", "webgpu", "wasm"] as const;
const ORIGINS: Readonly<Record<string, string>> = {
  layers: "layers, checked against spconv 2.3.8, MinkowskiEngine 0.5.4, SparseConvNet and torchsparse 1.4",
  networks: "whole networks by an independent float64 computation",
  "spconv-golden": "recorded on a GPU by spconv 2",
  "event-nets": "networks trained with MinkowskiEngine (ESDA)",
};

if (!existsSync(fixtures)) {
  console.error(`${fixtures} is not here: nothing to compare with`);
  process.exit(1);
}
mkdirSync(dirname(log), { recursive: true });
rmSync(log, { force: true });
const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...TESTS], { cwd: root, stdio: "inherit", env: { ...process.env, SPNET_PARITY: log } });
const entries = readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Parity);
writeFileSync(join(root, "docs/PARITY.md"), page(entries));
console.log(`docs/PARITY.md: ${entries.length} comparisons`);
process.exit(status ?? 1);

function page(all: readonly Parity[]): string {
  const sections = readdirSync(fixtures).sort().map((folder) => {
    const parsed = JSON.parse(readFileSync(join(fixtures, folder, "cases.json"), "utf8")) as readonly { readonly file: string }[] | { readonly cases: readonly { readonly file: string }[] };
    const files = ("cases" in parsed ? parsed.cases : parsed).map((c) => c.file);
    const rows = files.map((file) => row(file, all.filter((e) => e.folder === folder && e.file === file)));
    return `## ${folder}\n\n${ORIGINS[folder] ?? ""}\n\n| case | interpreter | webgpu | wasm | tolerance |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  const ran = new Set(all.map((e) => `${e.folder}/${e.file}`)).size;
  return [
    "# Parity with other systems",
    "",
    "Made by `npm run parity`: every case that other systems or independent computations recorded, and the largest difference from it on each target, relative to the largest value where the tolerance says so. WebGPU is a software driver here. Kernels compute in float32, the interpreter in float64.",
    "",
    `${ran} cases compared.`,
    "",
    ...sections,
  ].join("\n");
}

function row(file: string, entries: readonly Parity[]): string {
  const name = file.replace(/\.safetensors$/, "");
  if (entries.length === 0) return `| ${name} | not run yet | not run yet | not run yet | |`;
  const points = entries.find((e) => e.target === "spnet/points");
  const number = (e: Parity | undefined): string => (e === undefined ? "" : e.error === 0 ? "exact" : e.error.toExponential(1));
  if (points !== undefined) return `| ${name} | ${number(points)} (before the network: \`spnet/points\`) | | | exact |`;
  // Of several outputs the worst.
  const found = TARGETS.map((target) => entries.filter((e) => e.target === target).sort((a, b) => b.error - a.error)[0]);
  const tolerance = found.findLast((e) => e !== undefined)!;
  return `| ${name} | ${found.map(number).join(" | ")} | ${tolerance.tolerance === 0 ? "exact" : `${tolerance.tolerance}${tolerance.relative ? " relative" : ""}`} |`;
}
