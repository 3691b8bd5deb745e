import type { IToken } from "chevrotain";
import { SpirParser, spirLexer, type SpirAttr, type SpirEntry, type SpirFile, type SpirOp, type SpirPlace, type SpirSites, type SpirType } from "../../grammar/spir.ts";
import type { Diagnostic } from "../parser/diagnostics/diagnostic.ts";
import type { SourceFile } from "../parser/span.ts";
import { withDefaults } from "./builder.ts";
import type { Loc, Place } from "./loc.ts";
import { isList, type Attrs, type AttrValue, type Level, type Module, type Op, type Output, type ValueId } from "./module.ts";
import { ops } from "./ops/registry.ts";
import { SiteTable, type SiteDef, type SiteId } from "./sites.ts";
import { readType } from "./read-type.ts";
import { readVoxelGrid } from "./voxel-grid.ts";
import type { Type } from "./types.ts";

/** What can be wrong with a `.spir` text. Whether the module makes sense is the verifier's question. */
export const spirErrors = {
  SP0951: "a character that begins no token",
  SP0952: "tokens in an order that the grammar does not allow",
  SP0953: "an unknown format version or level",
  SP0954: "a site set that cannot be declared so",
  SP0955: "a malformed type, or another number of types than results",
  SP0956: "an unknown operation, or an attribute given twice or of no value",
} as const;

export type SpirError = keyof typeof spirErrors;

export type ReadResult = { readonly module: Module } | { readonly diagnostics: readonly Diagnostic[] };

/** Reads the text of a module in time linear in its length. `printModule` of the result gives a printed text back. */
export function readModule(source: SourceFile): ReadResult {
  const lexed = spirLexer.tokenize(source.text);
  const reader = new Reader(source);
  for (const { offset, length } of lexed.errors) {
    const image = source.text.slice(offset, offset + length);
    reader.report("SP0951", { startOffset: offset, image }, `\`${image.slice(0, 20)}\` begins nothing that a .spir text has`);
  }
  if (reader.diagnostics.length > 0) return { diagnostics: reader.diagnostics };
  const parser = sharedParser();
  parser.input = lexed.tokens;
  const file = parser.file();
  for (const { token, message } of parser.errors) reader.report("SP0952", Number.isFinite(token.startOffset) && token.startOffset >= 0 ? token : endOf(source), message);
  if (reader.diagnostics.length > 0) return { diagnostics: reader.diagnostics };
  const module = reader.module(file);
  return reader.diagnostics.length > 0 ? { diagnostics: reader.diagnostics } : { module };
}

let parser: SpirParser | undefined;
const sharedParser = (): SpirParser => (parser ??= new SpirParser());

type Stretch = Pick<IToken, "startOffset" | "image">;

const endOf = ({ text }: SourceFile): Stretch => ({ startOffset: text.length, image: "" });

const levels: readonly string[] = ["net", "fused", "plan"] satisfies readonly Level[];

class Reader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #file: string;

  constructor(source: SourceFile) {
    this.#file = source.name;
  }

  report(code: SpirError, at: Stretch, message: string): void {
    const span = { file: this.#file, start: at.startOffset, end: at.startOffset + at.image.length };
    this.diagnostics.push({ code, severity: "error", message, labels: [{ span, text: "here" }] });
  }

  module(file: SpirFile): Module {
    if (file.version.image !== "1") this.report("SP0953", file.version, `.spir version ${file.version.image} is unknown, this reads version 1`);
    if (!levels.includes(file.level.image)) this.report("SP0953", file.level, `unknown level ${file.level.image}, expected ${levels.join(", ")}`);
    const sites = new SiteTable();
    const list: Op[] = [];
    const types = new Map<ValueId, Type>();
    const outputs: Output[] = [];
    for (const statement of file.statements) {
      switch (statement.kind) {
        case "sites":
          this.#declare(sites, statement);
          break;
        case "op":
          list.push(this.#op(statement, types));
          break;
        case "output":
          outputs.push({ name: textOf(statement.name), value: valueOf(statement.value), loc: locOf(statement.loc) });
          break;
      }
    }
    return { level: file.level.image as Level, name: textOf(file.name), sites, ops: list, types, outputs };
  }

  #declare(table: SiteTable, { id, rule, of, axes, attrs }: SpirSites): void {
    const name = siteOf(id);
    const problem = (message: string): void => this.report("SP0954", id, message);
    const lists = this.#attrs(attrs);
    const numbers = (key: string): readonly number[] => {
      const value = lists[key];
      if (isList(value) && value.every((n) => Number.isSafeInteger(n))) return value as readonly number[];
      problem(`@${name} needs ${key} as a list of whole numbers`);
      return [];
    };
    let def: SiteDef;
    const [parent] = of;
    if ((rule.image === "input" || rule.image === "full") && parent === undefined) {
      const bounded = axes.filter((a) => a.extent !== undefined).length;
      if (bounded !== 0 && bounded !== axes.length) problem(`@${name}: either all axes have extents or none`);
      const extents = bounded === 0 ? undefined : axes.map((a) => Number(a.extent?.image ?? 1));
      if (extents?.some((n) => !Number.isSafeInteger(n) || n < 1) === true) problem(`@${name}: extents are whole numbers of at least 1`);
      const names = axes.map((a) => a.name.image);
      if (rule.image === "full" && extents === undefined) problem(`@${name}: a full grid has extents`);
      def = rule.image === "full" ? { kind: "full", axes: names, extents: extents ?? [] } : { kind: "input", name, axes: names, extents };
    } else if (rule.image === "points" && parent === undefined) {
      if (axes.some((a) => a.extent !== undefined)) problem(`@${name}: points have no extents`);
      def = { kind: "points", name, axes: axes.map((a) => a.name.image) };
    } else if (rule.image === "voxels" && parent !== undefined && of.length === 1) {
      const grid = readVoxelGrid(lists);
      if (typeof grid === "string") return problem(`@${name} ${grid}`);
      def = { kind: "voxels", of: siteOf(parent), ...grid };
    } else if (rule.image === "union" && parent !== undefined) {
      def = { kind: "union", of: of.map(siteOf) };
    } else if (rule.image === "prune" && parent !== undefined && of.length === 1) {
      def = { kind: "prune", of: siteOf(parent) };
    } else if (rule.image === "floor" && parent !== undefined && of.length === 1) {
      def = { kind: "floor", of: siteOf(parent), stride: numbers("stride") };
    } else if ((rule.image === "reach" || rule.image === "generate") && parent !== undefined && of.length === 1) {
      const geometry = { of: siteOf(parent), kernel: numbers("kernel"), stride: numbers("stride"), padding: numbers("padding"), dilation: numbers("dilation") };
      def = rule.image === "reach" ? { kind: "reach", ...geometry } : { kind: "generate", ...geometry, outputPadding: numbers("output_padding") };
    } else {
      problem(`@${name}: expected input(axes), points(axes), full(axes), voxels(@of), floor(@of), reach(@of), generate(@of), prune(@of) or union(@of, …)`);
      return;
    }
    const refusal = table.declare(name, def);
    if (refusal !== undefined) problem(refusal);
  }

  #op(statement: SpirOp, types: Map<ValueId, Type>): Op {
    const name = statement.name.image;
    const known = ops.has(name);
    if (!known) this.report("SP0956", statement.name, `unknown operation ${name}`);
    if (statement.types.length !== statement.results.length) {
      this.report("SP0955", statement.name, `${statement.results.length} results and ${statement.types.length} types`);
    }
    const results = statement.results.map(valueOf);
    statement.types.forEach((type, i) => {
      const read = this.#type(type);
      if (read !== undefined && results[i] !== undefined) types.set(results[i], read);
    });
    const given = this.#attrs(statement.attrs);
    return { name, operands: statement.operands.map(valueOf), attrs: known ? { ...withDefaults(name, given), ...given } : given, results, loc: locOf(statement.loc) };
  }

  #type(type: SpirType): Type | undefined {
    const read = readType(type.name.image, type.args.map((arg) => this.#typeArg(arg)));
    if (read === undefined) this.report("SP0955", type.name, `malformed type ${type.name.image}`);
    return read;
  }

  /** Site sets as `@S`, dtypes as words, so that the two cannot be taken for each other. */
  #typeArg(arg: SpirAttr): AttrValue {
    return "token" in arg ? (arg.token.tokenType.name === "Num" ? Number(arg.token.image) : arg.token.image) : this.#attr(arg);
  }

  #attrs(entries: readonly SpirEntry[]): Attrs {
    const attrs: Record<string, AttrValue> = {};
    for (const { key, value } of entries) {
      const name = key.tokenType.name === "Text" ? textOf(key) : key.image;
      if (Object.hasOwn(attrs, name)) this.report("SP0956", key, `attribute ${name} is given twice`);
      Object.defineProperty(attrs, name, { value: this.#attr(value), enumerable: true, configurable: true, writable: true });
    }
    return attrs;
  }

  #attr(attr: SpirAttr): AttrValue {
    if ("list" in attr) return attr.list.map((item) => this.#attr(item));
    if ("entries" in attr) return this.#attrs(attr.entries);
    const { token } = attr;
    switch (token.tokenType.name) {
      case "Num":
        return Number(token.image);
      case "Text":
        return textOf(token);
      case "Site":
        return siteOf(token);
      case "True":
        return true;
      case "False":
        return false;
      default:
        this.report("SP0956", token, `${token.image} is no value: texts are in quotes`);
        return token.image;
    }
  }
}

const valueOf = (token: IToken): ValueId => Number(token.image.slice(1));
const siteOf = (token: IToken): SiteId => token.image.slice(1);

/** A text literal is a JSON string; escapes that JSON does not know are taken as they are written. */
function textOf(token: IToken): string {
  return unquote(token.image);
}

function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}

const locOf = (places: readonly SpirPlace[]): Loc => places.map(placeOf);

/** `a via b via c`: c is where the outermost call stands. */
function placeOf(calls: SpirPlace): Place {
  const [place, ...outer] = calls;
  const [, file = "", line = "", column = ""] = /^(.*):(\d+):(\d+)$/.exec(place?.image ?? "") ?? [];
  const here: Place = { file: file.startsWith('"') ? unquote(file) : file, line: Number(line), column: Number(column) };
  return outer.length === 0 ? here : { ...here, via: placeOf(outer) };
}
