/** From a file name on the command line to a net-level module. */
import { existsSync } from "node:fs";
import { compileSource, type CompileResult } from "../ir/from-source.ts";
import type { Module } from "../ir/module.ts";
import { printModule } from "../ir/print.ts";
import { readModule } from "../ir/read.ts";
import { weightLayouts } from "../ir/surface/params.ts";
import { findProblems } from "../ir/verify.ts";
import type { OuterValue } from "../parser/elaborate/elaborate.ts";
import type { Args, OptionDefs } from "./command.ts";
import { inputError, UsageError } from "./errors.ts";
import { readBytes } from "./files/read.ts";
import type { Io } from "./io.ts";
import { reportDiagnostics } from "./report.ts";

const LAYOUTS = [...weightLayouts.keys()];

export const SOURCE_OPTIONS: OptionDefs = {
  net: { value: "NAME", doc: "which net of the file, when it has several" },
  set: { value: "NAME=VALUE", multiple: true, doc: "a parameter of the net" },
  layout: { value: LAYOUTS.join("|"), doc: "how the weights file stores kernels (default: as the net says)" },
};

/** A text file, or SP0801. */
export const readText = (file: string): string => new TextDecoder().decode(readBytes(file));

/** The net in a `.spnet` or `.spir` file, or undefined after its mistakes have been shown. */
export function loadNet(args: Args, io: Io): Module | undefined {
  return args.file.endsWith(".spir") ? loadNetSpir(args, io) : loadSource(args, io);
}

/** Compiles the `.spnet` file of a command line to its net, with whatever there is to say about it. */
export function compileFile(args: Args): CompileResult {
  const [net, layout] = [args.text("net"), args.text("layout")];
  return compileSource(args.file, {
    readFile: (path) => (existsSync(path) ? readText(path) : undefined),
    params: outerValues(args),
    ...(net === undefined ? {} : { net }),
    ...(layout === undefined ? {} : { layout }),
  });
}

/** As `compileFile`, or undefined after mistakes have been shown; warnings are shown too. */
export function compileWithoutMistake(args: Args, io: Io): CompileResult | undefined {
  const result = compileFile(args);
  return reportDiagnostics(result.diagnostics, result.files, io) ? undefined : result;
}

function loadSource(args: Args, io: Io): Module | undefined {
  const result = compileWithoutMistake(args, io);
  if (result === undefined || result.module !== undefined) return result?.module;
  throw new UsageError(result.nets.length === 0 ? `${args.file} has no net` : `${args.file} has several nets, choose one with --net: ${result.nets.join(", ")}`);
}

function loadNetSpir(args: Args, io: Io): Module | undefined {
  if (args.text("layout") !== undefined || args.texts("set").length > 0) throw new UsageError("--layout and --set need a .spnet file; a .spir file has them built in");
  const module = loadSpir(args.file, io);
  if (module !== undefined && module.level !== "net") throw inputError("SP0902", `${args.file} holds a module of level ${module.level}, expected net`);
  return module;
}

/** A verified module of any level in a `.spir` file, or undefined after its mistakes have been shown. */
export function loadSpir(file: string, io: Io): Module | undefined {
  const text = readText(file);
  const result = readModule({ name: file, text });
  if ("diagnostics" in result) {
    reportDiagnostics(result.diagnostics, new Map([[file, { name: file, text }]]), io);
    return undefined;
  }
  const problems = findProblems(result.module);
  if (problems.length === 0) return result.module;
  io.err(`error[SP0901]: ${file} is not a valid module: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}, marked below\n`);
  io.err(printModule(result.module, { problems, locations: false }));
  return undefined;
}

/** `--set a=1 --set b=[1,2]`: JSON where it is JSON, else text. */
export function outerValues(args: Args): Readonly<Record<string, OuterValue>> {
  return Object.fromEntries(
    args.texts("set").map((entry) => {
      const at = entry.indexOf("=");
      if (at < 1) throw new UsageError(`--set is ${entry}, expected NAME=VALUE`);
      return [entry.slice(0, at), outerValue(entry, entry.slice(at + 1))];
    }),
  );
}

function outerValue(entry: string, text: string): OuterValue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (!isOuter(value)) throw new UsageError(`--set is ${entry}: a parameter is a number, true or false, a text, or a list of them`);
  return value;
}

function isOuter(value: unknown): value is OuterValue {
  return Array.isArray(value) ? value.every(isOuter) : ["number", "boolean", "string"].includes(typeof value);
}
