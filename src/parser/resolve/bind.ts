import type { Arg, CallExpr, Expr, Param } from "../ast.ts";
import type { OperationSignature } from "../elaborate/host.ts";
import type { FunctionSignature } from "../elaborate/functions.ts";
import type { BlockDecl } from "../ast.ts";
import type { LoadedFile } from "../program.ts";

/** What a call calls. */
export type Callable =
  | { readonly kind: "operation"; readonly signature: OperationSignature }
  | { readonly kind: "function"; readonly signature: FunctionSignature }
  | { readonly kind: "block"; readonly decl: BlockDecl; readonly file: LoadedFile };

/** A parameter as binding sees it. */
export interface FormalParameter {
  readonly name: string;
  readonly required: boolean;
  /** Takes all positional arguments. */
  readonly variadic: boolean;
}

/** Where an argument comes from: an expression of the call, or the value that is piped in. */
export type ArgumentSource = { readonly kind: "expr"; readonly expr: Expr } | { readonly kind: "piped" };

/** A call whose arguments have found their parameters. */
export interface Binding {
  readonly callable: Callable;
  readonly sources: ReadonlyMap<string, readonly ArgumentSource[]>;
  /** The expression of `w=`, when the callable has weights. */
  readonly path: Expr | undefined;
}

export type BindProblem =
  | { readonly kind: "unknown"; readonly arg: Arg }
  | { readonly kind: "twice"; readonly arg: Arg; readonly parameter: string }
  | { readonly kind: "many"; readonly arg: Arg | undefined }
  | { readonly kind: "missing"; readonly parameter: string };

export function formals(callable: Callable): readonly FormalParameter[] {
  switch (callable.kind) {
    case "operation":
      return callable.signature.parameters.map((p) => ({ name: p.name, required: p.required, variadic: p.kind === "tensors" }));
    case "function":
      return callable.signature.parameters;
    case "block":
      return callable.decl.params.map((p: Param) => ({ name: p.name.name, required: p.value === undefined, variadic: false }));
  }
}

/** `w=` names the weights of operations that have some, and of everything inside a block. */
export function takesPath(callable: Callable): boolean {
  return callable.kind === "block" || (callable.kind === "operation" && callable.signature.weights);
}

/** Gives each argument of a call to its parameter: positional ones in order (a piped value first), named ones by name. */
export function bind(call: CallExpr, callable: Callable, piped: boolean): { readonly binding: Binding; readonly problems: readonly BindProblem[] } {
  const parameters = formals(callable);
  const byName = new Map(parameters.map((p) => [p.name, p]));
  const sources = new Map<string, ArgumentSource[]>();
  const problems: BindProblem[] = [];
  let path: Expr | undefined;
  let next = 0;
  const positional = (source: ArgumentSource, arg: Arg | undefined): void => {
    const parameter = parameters[next];
    if (parameter === undefined) {
      problems.push({ kind: "many", arg });
      return;
    }
    sources.set(parameter.name, [...(sources.get(parameter.name) ?? []), source]);
    if (!parameter.variadic) next++;
  };
  if (piped) positional({ kind: "piped" }, undefined);
  for (const arg of call.args) {
    const source: ArgumentSource = { kind: "expr", expr: arg.value };
    if (arg.name === undefined) {
      positional(source, arg);
    } else if (arg.name.name === "w" && takesPath(callable)) {
      if (path !== undefined) problems.push({ kind: "twice", arg, parameter: "w" });
      path = arg.value;
    } else if (!byName.has(arg.name.name)) {
      problems.push({ kind: "unknown", arg });
    } else if (sources.has(arg.name.name)) {
      problems.push({ kind: "twice", arg, parameter: arg.name.name });
    } else {
      sources.set(arg.name.name, [source]);
    }
  }
  // An argument by an unknown name may have been meant for what is missing: one message is enough.
  if (!problems.some((p) => p.kind === "unknown")) {
    for (const p of parameters) if (p.required && !sources.has(p.name)) problems.push({ kind: "missing", parameter: p.name });
  }
  return { binding: { callable, sources, path }, problems };
}
