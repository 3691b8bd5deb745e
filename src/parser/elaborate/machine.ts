import type { CallExpr, ConstDecl } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { LoadedFile } from "../program.ts";
import type { Binding } from "../resolve/bind.ts";
import type { Span } from "../span.ts";
import type { NetHost } from "./host.ts";
import { errorValue, type Value } from "./values.ts";

/** Bounds on what a file can make the compiler do. */
export const limits = { operations: 100_000, steps: 1_000_000, listLength: 100_000, textLength: 4_096, callDepth: 64 } as const;

/** Thrown inside elaboration when a bound is passed, after reporting; caught where elaboration began. */
export class Exhausted extends Error {}

/** What all frames of one elaboration share. */
export class Machine {
  readonly net: NetHost | undefined;
  readonly bindings: ReadonlyMap<CallExpr, Binding>;
  readonly constants: Map<ConstDecl, Value>;
  readonly #report: (diagnostic: Diagnostic) => void;
  readonly #paths = new Map<string, number>();
  #steps = 0;

  constructor(net: NetHost | undefined, bindings: ReadonlyMap<CallExpr, Binding>, constants: Map<ConstDecl, Value>, report: (diagnostic: Diagnostic) => void) {
    this.net = net;
    this.bindings = bindings;
    this.constants = constants;
    this.#report = report;
  }

  /** Counts one evaluated expression or statement. */
  step(frame: Frame, span: Span): void {
    if (++this.#steps > limits.steps) this.exhausted(frame, span, "this takes too many steps", limits.steps);
    if (this.net !== undefined && this.net.operationCount > limits.operations) this.exhausted(frame, span, "the network has too many operations", limits.operations);
  }

  exhausted(frame: Frame, span: Span, what: string, limit: number): never {
    this.report(frame, diagnose("SP0216", { what, limit }, [{ span, text: "the limit was passed here" }]));
    throw new Exhausted(what);
  }

  /** Reports with the calls that led here as further labels. */
  report(frame: Frame, diagnostic: Diagnostic): Value {
    const calls = frame.via.slice(0, 3).map((span) => ({ span, text: "in the block called here" }));
    this.#report({ ...diagnostic, labels: [...diagnostic.labels, ...calls] });
    return errorValue;
  }

  /** A weight path of its own for an operation or block without `w=`: `x.subm`, then `x.subm_2`, … */
  freshPath(path: string): string {
    const count = (this.#paths.get(path) ?? 0) + 1;
    this.#paths.set(path, count);
    return count === 1 ? path : `${path}_${count}`;
  }
}

interface Cell {
  value: Value;
}

/** Values of names in one pair of braces. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #cells = new Map<string, Cell>();

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  define(name: string, value: Value): void {
    this.#cells.set(name, { value });
  }

  find(name: string): Cell | undefined {
    return this.#cells.get(name) ?? this.#parent?.find(name);
  }
}

/** One running net, block or constant. */
export interface Frame {
  readonly machine: Machine;
  readonly file: LoadedFile;
  readonly scope: Scope;
  /** Calls of blocks that led here, innermost first. */
  readonly via: readonly Span[];
  /** Weight path of the enclosing blocks. */
  readonly prefix: string;
  /** Name that the running statement gives a value, for weights without `w=`. */
  readonly hint: string;
}

export function inner(frame: Frame): Frame {
  return { ...frame, scope: new Scope(frame.scope) };
}

/** Joins weight paths with dots; either may be empty. */
export function joinPath(prefix: string, path: string): string {
  return prefix === "" ? path : path === "" ? prefix : `${prefix}.${path}`;
}

