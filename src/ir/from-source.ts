import type { NetDecl } from "../parser/ast.ts";
import { diagnose } from "../parser/diagnostics/catalog.ts";
import type { Diagnostic } from "../parser/diagnostics/diagnostic.ts";
import { elaborateConstants, elaborateNet, type OuterValue } from "../parser/elaborate/elaborate.ts";
import type { ElaborationHost } from "../parser/elaborate/host.ts";
import { LineIndex } from "../parser/line-index.ts";
import { loadProgram, netsOf, type Program, type ReadFile } from "../parser/program.ts";
import { resolveProgram } from "../parser/resolve/resolve.ts";
import type { SourceUnit } from "../parser/ast.ts";
import type { SourceFile, Span } from "../parser/span.ts";
import type { Module } from "./module.ts";
import { foreignArgument, foreignOperation } from "./surface/foreign.ts";
import { NetUnderConstruction, type Locate } from "./surface/net.ts";
import { weightLayouts } from "./surface/params.ts";
import { surfaceOps } from "./surface/registry.ts";

export interface CompileOptions {
  /** Text of a file by path, or undefined when there is none. The compiler itself reads nothing. */
  readonly readFile: ReadFile;
  /** Which net of the file; by default its only net, or the only exported one. */
  readonly net?: string;
  /** Values for parameters of the net, over its defaults. */
  readonly params?: Readonly<Record<string, OuterValue>>;
  /** Stored layout of the weights, over the net's own: spconv2, spconv1, minkowski, torchsparse, scn. */
  readonly layout?: string;
}

export interface CompileResult {
  /** The chosen net at level `net`; absent when there are errors, or no net was chosen among several. */
  readonly module?: Module;
  /** Names of the nets of the file, in source order. */
  readonly nets: readonly string[];
  /** In the order of files and places; warnings included. */
  readonly diagnostics: readonly Diagnostic[];
  readonly ast: SourceUnit | undefined;
  /** The files that were read, for rendering diagnostics. */
  readonly files: ReadonlyMap<string, SourceFile>;
}

/**
 * Source text to a module at level `net`: parse, resolve names, run the net at compile time.
 * Every mistake of the user's is a diagnostic; nothing is thrown for one. All nets are checked when none is chosen.
 */
export function compileSource(entryFile: string, options: CompileOptions): CompileResult {
  const program = loadProgram(entryFile, options.readFile);
  const files = new Map([...program.files].map(([name, file]) => [name, file.source]));
  const sink = new OrderedSink([...program.files.keys()]);
  program.diagnostics.forEach((d) => sink.report(d));
  const nets = program.entry === undefined ? [] : netsOf(program.entry);
  const modules = program.entry === undefined ? new Map<string, Module>() : compileNets(program, nets, options, sink);
  const chosen = options.net ?? soleNet(nets);
  const module = sink.hasErrors || chosen === undefined ? undefined : modules.get(chosen);
  const result = { nets: nets.map((n) => n.name.name), diagnostics: sink.sorted(), ast: program.entry?.unit, files };
  return module === undefined ? result : { ...result, module };
}

function soleNet(nets: readonly NetDecl[]): string | undefined {
  const exported = nets.filter((n) => n.exported);
  const candidates = exported.length > 0 ? exported : nets;
  return candidates.length === 1 ? candidates[0]!.name.name : undefined;
}

function compileNets(program: Program, nets: readonly NetDecl[], options: CompileOptions, sink: OrderedSink): Map<string, Module> {
  const report = (diagnostic: Diagnostic): void => {
    if (!followsSyntaxMistake(program, diagnostic)) sink.report(diagnostic);
  };
  const entry = program.entry!;
  const host = surfaceHost(locator(program), options.layout);
  const { bindings, diagnostics } = resolveProgram(program, host);
  diagnostics.forEach(report);
  const constants = elaborateConstants(program, bindings, report);
  const modules = new Map<string, Module>();
  if (options.net !== undefined && !nets.some((n) => n.name.name === options.net)) {
    const span = { file: entry.source.name, start: 0, end: 0 };
    report(diagnose("SP0232", { name: options.net }, [{ span, text: nets.length === 0 ? "it has no net" : `it has ${nets.map((n) => n.name.name).join(", ")}` }]));
  }
  if (options.layout !== undefined && !weightLayouts.has(options.layout)) {
    const span = { file: entry.source.name, start: 0, end: 0 };
    report(diagnose("SP0225", { what: "layout", name: options.layout }, [{ span, text: `known: ${[...weightLayouts.keys()].join(", ")}` }]));
    return modules;
  }
  const chosen = options.net ?? soleNet(nets);
  for (const net of nets) {
    if (options.net !== undefined && net.name.name !== options.net) continue;
    const under = host.beginNet(net.name.name, report);
    elaborateNet(entry, net, under, bindings, constants, net.name.name === chosen ? (options.params ?? {}) : {}, report);
    modules.set(net.name.name, under.finish());
  }
  return modules;
}

/** True for what is wrong inside of a statement that has a syntax mistake already. */
function followsSyntaxMistake(program: Program, diagnostic: Diagnostic): boolean {
  const span = diagnostic.labels[0]?.span;
  return span !== undefined && program.files.get(span.file)?.isDoubtful(span.start) === true;
}

interface SurfaceHost extends ElaborationHost {
  beginNet(name: string, report: (diagnostic: Diagnostic) => void): NetUnderConstruction;
}

function surfaceHost(locate: Locate, layout: string | undefined): SurfaceHost {
  return {
    operations: surfaceOps,
    foreignOperation,
    foreignArgument,
    beginNet: (name, report) => new NetUnderConstruction(name, locate, layout, report),
  };
}

/** Places by file names as seen from the entry file's folder, so that a module does not depend on where it was compiled. */
function locator(program: Program): Locate {
  const folder = (program.entry?.source.name ?? "").split("/").slice(0, -1);
  const shown = (name: string): string => relativePath(folder, name.split("/"));
  const files = new Map([...program.files].map(([name, file]) => [name, { file: shown(name), index: new LineIndex(file.source.text) }]));
  return (span: Span) => {
    const known = files.get(span.file);
    return known === undefined ? { file: shown(span.file), line: 1, column: 1 } : { file: known.file, ...known.index.at(span.start) };
  };
}

/** The path to a file from a folder, both from one root. */
function relativePath(folder: readonly string[], file: readonly string[]): string {
  const differs = folder.findIndex((part, i) => part !== file[i]);
  const shared = differs < 0 ? folder.length : differs;
  return [...folder.slice(shared).map(() => ".."), ...file.slice(shared)].join("/");
}

/** Keeps each diagnostic once per place: a block that is called ten times has its mistake once. */
class OrderedSink {
  readonly #order: ReadonlyMap<string, number>;
  readonly #found = new Map<string, Diagnostic>();
  hasErrors = false;

  constructor(files: readonly string[]) {
    this.#order = new Map(files.map((name, i) => [name, i]));
  }

  report(diagnostic: Diagnostic): void {
    const span = diagnostic.labels[0]?.span;
    const key = `${diagnostic.code} ${span?.start} ${span?.end} ${span?.file}`;
    if (!this.#found.has(key)) this.#found.set(key, diagnostic);
    this.hasErrors ||= diagnostic.severity === "error";
  }

  /** By file (imported before importing), then by place. */
  sorted(): readonly Diagnostic[] {
    const rank = (d: Diagnostic): number => this.#order.get(d.labels[0]?.span.file ?? "") ?? -1;
    const start = (d: Diagnostic): number => d.labels[0]?.span.start ?? 0;
    return [...this.#found.values()].sort((a, b) => rank(a) - rank(b) || start(a) - start(b));
  }
}
