import type { ConstDecl, Declaration, ImportDecl, ImportItem, NetDecl, SourceUnit } from "./ast.ts";
import { diagnose } from "./diagnostics/catalog.ts";
import type { Diagnostic } from "./diagnostics/diagnostic.ts";
import { suggest } from "./diagnostics/suggest.ts";
import { parseSource } from "./parse.ts";
import type { SourceFile } from "./span.ts";

/** What a name of a file's top level stands for; `broken` when its import failed, which has been reported. */
export type FileDef = { readonly kind: "decl"; readonly decl: Declaration; readonly file: LoadedFile } | { readonly kind: "broken" };

export interface LoadedFile {
  readonly source: SourceFile;
  readonly unit: SourceUnit;
  /** True when its own text has syntax mistakes. */
  readonly broken: boolean;
  /** True when nothing should be said about an unknown name, because it may be one that a syntax mistake hides. */
  isUnsure(name: string): boolean;
  /** True when the text at an offset belongs to a statement or structure with a syntax mistake. */
  isDoubtful(offset: number): boolean;
  /** Imports and declarations by local name. */
  readonly names: ReadonlyMap<string, FileDef>;
}

export interface Program {
  readonly entry: LoadedFile | undefined;
  readonly files: ReadonlyMap<string, LoadedFile>;
  readonly diagnostics: readonly Diagnostic[];
}

const mostFiles = 256;

/** Text of a file by path, or undefined when there is none. */
export type ReadFile = (path: string) => string | undefined;

/** Reads and parses a file and what it imports, each file once. */
export function loadProgram(entry: string, readFile: ReadFile): Program {
  const loader = new Loader(readFile);
  const loaded = loader.load(normalise(entry));
  if (loaded === undefined) {
    const span = { file: entry, start: 0, end: 0 };
    loader.diagnostics.push(diagnose("SP0211", { path: entry }, [{ span, text: "no such file" }]));
  }
  return { entry: loaded, files: loader.files, diagnostics: loader.diagnostics };
}

class Loader {
  readonly files = new Map<string, LoadedFile>();
  readonly diagnostics: Diagnostic[] = [];
  readonly #readFile: ReadFile;
  readonly #loading: string[] = [];

  constructor(readFile: ReadFile) {
    this.#readFile = readFile;
  }

  load(path: string): LoadedFile | undefined {
    const known = this.files.get(path);
    if (known !== undefined) return known;
    const text = this.files.size + this.#loading.length < mostFiles ? this.#readFile(path) : undefined;
    if (text === undefined) return undefined;
    const source = { name: path, text };
    const { unit, diagnostics, unsure, regions, nameless } = parseSource(source);
    this.diagnostics.push(...diagnostics);
    this.#loading.push(path);
    const names = new Map<string, FileDef>();
    const file: LoadedFile = {
      source,
      unit,
      broken: diagnostics.length > 0,
      names,
      isUnsure: (name) => nameless || unsure.has(name),
      isDoubtful: (offset) => regions.some((r) => r.start <= offset && offset < r.end),
    };
    for (const each of unit.imports) this.#import(file, each, names);
    for (const decl of unit.declarations) this.#declare(file, decl, names);
    this.#loading.pop();
    this.files.set(path, file);
    return file;
  }

  #declare(file: LoadedFile, decl: Declaration, names: Map<string, FileDef>): void {
    const { name, span } = decl.name;
    if (name === "") return;
    const known = names.get(name);
    if (known === undefined) {
      names.set(name, { kind: "decl", decl, file });
      return;
    }
    const labels = [{ span, text: "defined again" }];
    if (known.kind === "decl") labels.push({ span: known.decl.name.span, text: "first defined here" });
    this.diagnostics.push(diagnose("SP0206", { name }, labels));
  }

  #import(file: LoadedFile, decl: ImportDecl, names: Map<string, FileDef>): void {
    const target = decl.path === undefined ? undefined : this.#target(file, decl.path);
    for (const item of decl.items) {
      const def = target === undefined || decl.path === undefined ? undefined : this.#exported(target, item, decl.path.text);
      if (names.has(item.local.name)) {
        this.diagnostics.push(diagnose("SP0206", { name: item.local.name }, [{ span: item.local.span, text: "imported again" }]));
      } else {
        names.set(item.local.name, def ?? { kind: "broken" });
      }
    }
  }

  #target(file: LoadedFile, { text, span }: { readonly text: string; readonly span: ImportItem["name"]["span"] }): LoadedFile | undefined {
    const path = join(file.source.name, text);
    if (this.#loading.includes(path)) {
      this.diagnostics.push(diagnose("SP0213", {}, [{ span, text: "this file is being read already" }]));
      return undefined;
    }
    const target = this.load(path);
    if (target === undefined) this.diagnostics.push(diagnose("SP0211", { path: text }, [{ span, text: `there is no file ${path}` }]));
    return target;
  }

  #exported(target: LoadedFile, item: ImportItem, path: string): FileDef | undefined {
    const { name, span } = item.name;
    const def = target.names.get(name);
    if (def?.kind === "decl" && def.decl.exported) return def;
    if (def?.kind === "broken" || target.isUnsure(name)) return undefined;
    const offered = [...target.names.values()].flatMap((d) => (d.kind === "decl" && d.decl.exported ? [d.decl.name.name] : []));
    const meant = suggest(name, offered);
    const extras = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span, text: meant }] } };
    const labels = [{ span, text: def === undefined ? "not defined there" : "defined there without `export`" }];
    if (def?.kind === "decl") labels.push({ span: def.decl.name.span, text: "here" });
    this.diagnostics.push(diagnose("SP0212", { name, path }, labels, extras));
    return undefined;
  }
}

/** The path of an import relative to the file that writes it; `/` separates, `.` and `..` are resolved. */
export function join(from: string, path: string): string {
  if (path.startsWith("/")) return normalise(path);
  const slash = from.lastIndexOf("/");
  return normalise(slash < 0 ? path : `${from.slice(0, slash + 1)}${path}`);
}

function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "." || (part === "" && parts.length > 0)) continue;
    const last = parts.at(-1);
    if (part === ".." && last !== undefined && last !== ".." && last !== "") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

export const netsOf = (file: LoadedFile): readonly NetDecl[] => file.unit.declarations.filter((d): d is NetDecl => d.kind === "net");
export const constsOf = (file: LoadedFile): readonly ConstDecl[] => file.unit.declarations.filter((d): d is ConstDecl => d.kind === "const");
