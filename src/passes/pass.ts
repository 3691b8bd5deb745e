import type { Loc } from "../ir/loc.ts";
import type { Level, Module } from "../ir/module.ts";
import type { OptionDefs, OptionValue, OptionValues } from "./options.ts";

/** `done`: something was rewritten. `missed`: something that looks possible was left alone, and why. */
export type RemarkKind = "done" | "missed";

export interface Remark {
  readonly pass: string;
  readonly kind: RemarkKind;
  readonly loc: Loc;
  readonly text: string;
}

/** What a pass is given besides the module. */
export interface PassContext<O = Readonly<Record<string, OptionValue>>, S extends string = string> {
  readonly options: O;
  /** Adds to one of the declared counters. */
  stat(name: S, by?: number): void;
  /** Says at a place of the source what was done, or why it was not. */
  remark(kind: RemarkKind, loc: Loc, text: string): void;
}

/**
 * A pass: a pure function from module to module. Returning the very module it was given means “unchanged”.
 * Everything a person can ask about it is declared, so that command line, messages and docs/PASSES.md follow.
 */
export interface Pass {
  /** As written in a pipeline. */
  readonly name: string;
  /** One sentence: what it does. */
  readonly summary: string;
  /** When the rewrite is allowed, one condition a line, for docs/PASSES.md. */
  readonly legality: readonly string[];
  readonly from: Level;
  readonly to: Level;
  readonly options: OptionDefs;
  /** Counter name → what it counts. */
  readonly stats: Readonly<Record<string, string>>;
  run(module: Module, context: PassContext): Module;
}

interface PassSpec<O extends OptionDefs, S extends Readonly<Record<string, string>>> {
  readonly name: string;
  readonly summary: string;
  readonly legality: readonly string[];
  readonly from: Level;
  readonly to: Level;
  readonly options: O;
  readonly stats: S;
  run(module: Module, context: PassContext<OptionValues<O>, keyof S & string>): Module;
}

/** Declares a pass; `run` sees its own options and counters with their types. */
export function definePass<O extends OptionDefs, S extends Readonly<Record<string, string>>>(spec: PassSpec<O, S>): Pass {
  return spec;
}

/** The declared defaults of a pass's options. */
export function defaultOptions(pass: Pass): Readonly<Record<string, OptionValue>> {
  return Object.fromEntries(Object.entries(pass.options).map(([name, def]) => [name, def.default]));
}
