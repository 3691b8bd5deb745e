/**
 * Runs every operation of the language on every target, for every dialect and number of axes, against the interpreter, and
 * writes docs/COVERAGE.md. `npm run coverage`. Fails where a test fails; the page is then left as it was.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dialects } from "../src/ir/surface/dialects.ts";
import { surfaceOps } from "../src/ir/surface/registry.ts";

/** A form of an operation on a target: how far it was from the interpreter, or the code with which it was refused. A test writes one a line. */
export interface Coverage {
  readonly target: "webgpu" | "wasm";
  /** Empty without one. */
  readonly dialect: string;
  readonly dim: number;
  readonly op: string;
  readonly form: string;
  /** As the language has it. */
  readonly text: string;
  /** The largest difference on random rows, one row and none, of the largest value. */
  readonly error?: number;
  readonly refused?: { readonly by: "language" | "target"; readonly code: string };
}

const TARGETS = ["wasm", "webgpu"] as const;
const DIMENSIONS = [1, 2, 3, 4];
/** The language has no such operation in this dimension. */
const NONE = "–";

const root = dirname(fileURLToPath(import.meta.url)).replace(/(\/dist)?\/scripts$/, "");
const log = join(root, ".cache", "coverage.jsonl");
mkdirSync(dirname(log), { recursive: true });
rmSync(log, { force: true });
const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...TARGETS.map((t) => `tests/${t === "wasm" ? "wasm" : "gpu"}/coverage.test.ts`)], { cwd: root, stdio: "inherit", env: { ...process.env, SPNET_COVERAGE: log } });
if (status === 0) {
  const entries = readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Coverage);
  writeFileSync(join(root, "docs/COVERAGE.md"), page(entries));
  console.log(`docs/COVERAGE.md: ${entries.length} forms run or refused`);
}
process.exit(status ?? 1);

function page(all: readonly Coverage[]): string {
  const columns = TARGETS.flatMap((target) => DIMENSIONS.map((dim) => ({ target, dim })));
  const ops = [...surfaceOps.keys()];
  const tables = ["", ...dialects.keys()].flatMap((dialect) => [
    `## ${dialect === "" ? "Without a dialect" : dialect}`,
    "",
    `| operation | ${columns.map(({ target, dim }) => `${target} ${dim}D`).join(" | ")} |`,
    `| --- |${" --- |".repeat(columns.length)}`,
    ...ops.map((op) => `| \`${op}\` | ${columns.map(({ target, dim }) => cell(all.filter((e) => e.op === op && e.dialect === dialect && e.target === target && e.dim === dim))).join(" | ")} |`),
    "",
  ]);
  const refused = [...new Set(all.flatMap(({ op, form, dialect, target, refused: no }) => (no === undefined ? [] : [`- \`${op}\`, ${form}: ${no.code}${no.by === "target" ? `, by ${target}` : all.every((e) => e.op !== op || e.form !== form || e.refused !== undefined) ? "" : `, ${dialect === "" ? "without a dialect" : `\`dialect ${dialect}\``}`}`])))];
  const shown = ops.flatMap((op) => {
    const forms = new Map(all.filter((e) => e.op === op && e.dim === 3 && e.error !== undefined).map((e) => [e.form, e.text]));
    return [`### \`${op}\``, "", ...[...forms].map(([form, text]) => `- ${form}: \`${text}\``), ""];
  });
  return [
    "# Coverage",
    "",
    "Made by `npm run coverage`. Every operation of the language, on sites of 1 to 4 dimensions, in every dialect and on every target, against the float64 interpreter: random rows in three batch items, one row, and none, on grids with extents or without, with channels and extents drawn at random. A cell has the largest difference over all forms of the operation, relative to the largest value, up to the next power of ten; WebGPU is a software driver here. A test fails where an operation, or a parameter of one, has no form here, and where a form is refused that is not listed under [Refused](#refused).",
    "",
    ...tables,
    "## Refused",
    "",
    "Forms that the language or a target refuses, with the [code](ERRORS.md). Every other form runs everywhere.",
    "",
    ...refused,
    "",
    "## Forms",
    "",
    "How each operation is written, with the numbers of one of the networks of 3 axes: `x` has extents, `u` has none.",
    "",
    ...shown,
  ].join("\n");
}

function cell(entries: readonly Coverage[]): string {
  const ran = entries.flatMap((e) => (e.error === undefined ? [] : [e.error]));
  const codes = new Set(entries.flatMap((e) => (e.refused?.by === "target" ? [e.refused.code] : [])));
  if (codes.size > 0) return [...codes].join(", ");
  if (ran.length === 0) return entries.some((e) => e.refused !== undefined) ? NONE : "not run";
  const most = Math.max(...ran);
  return most === 0 ? "exact" : `1e${Math.ceil(Math.log10(most))}`;
}
