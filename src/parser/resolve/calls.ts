import type { BlockDecl, CallExpr, Expr, NetDecl } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { functions } from "../elaborate/functions.ts";
import { siteSources } from "../elaborate/site-sources.ts";
import type { ElaborationHost } from "../elaborate/host.ts";
import type { LoadedFile } from "../program.ts";
import { bind, formals, takesPath, type BindProblem, type Binding, type Callable } from "./bind.ts";
import type { LocalScope } from "./scope.ts";

/** Finds what calls call and gives their arguments to parameters. */
export class CallResolver {
  readonly #file: LoadedFile;
  readonly #host: ElaborationHost;
  readonly #bindings: Map<CallExpr, Binding>;
  readonly #report: (diagnostic: Diagnostic) => void;
  /** Calls of blocks of this file by the declaration that makes them. */
  readonly #edges = new Map<BlockDecl | NetDecl, { readonly to: BlockDecl; readonly call: CallExpr }[]>();
  /** Unknown operations of this file: one message each. */
  readonly #unknowns = new Set<string>();
  #current: BlockDecl | NetDecl | undefined;

  constructor(file: LoadedFile, host: ElaborationHost, bindings: Map<CallExpr, Binding>, report: (diagnostic: Diagnostic) => void) {
    this.#file = file;
    this.#host = host;
    this.#bindings = bindings;
    this.#report = report;
  }

  enter(decl: BlockDecl | NetDecl): void {
    this.#current = decl;
    this.#edges.set(decl, []);
  }

  /** Binds a call; returns the argument expressions that may be words instead of variables. */
  resolve(call: CallExpr, piped: boolean, scope: LocalScope): ReadonlySet<Expr> {
    const callable = this.#callable(call, scope);
    return callable === undefined ? this.#unbound(call, piped) : this.#bind(call, callable, piped);
  }

  /** As `resolve`, for where a site set comes from. */
  resolveSource(call: CallExpr): ReadonlySet<Expr> {
    const signature = siteSources.get(call.callee.name);
    if (signature !== undefined) return this.#bind(call, { kind: "operation", signature }, false);
    const { name, span } = call.callee;
    if (name !== "") this.#report(diagnose("SP0491", { name }, [{ span, text: "where these sites come from" }]));
    return new Set(call.args.map((a) => a.value));
  }

  #bind(call: CallExpr, callable: Callable, piped: boolean): ReadonlySet<Expr> {
    const { binding, problems } = bind(call, callable, piped);
    if (callable.kind === "block" && this.#current !== undefined) this.#edges.get(this.#current)?.push({ to: callable.decl, call });
    if (problems.length === 0) this.#bindings.set(call, binding);
    for (const problem of problems) this.#problem(call, callable, problem);
    const words = new Set<Expr>();
    if (callable.kind !== "operation") return words;
    for (const p of callable.signature.parameters) {
      if (p.kind !== "word") continue;
      for (const source of binding.sources.get(p.name) ?? []) if (source.kind === "expr") words.add(source.expr);
    }
    return words;
  }

  /** A call of nothing known. When it is a foreign name for an operation, foreign arguments get their answers too. */
  #unbound(call: CallExpr, piped: boolean): ReadonlySet<Expr> {
    const foreign = this.#host.foreignOperation(call.callee.name);
    const signature = foreign?.kind === "spelled" ? this.#host.operations.get(foreign.spelling) : undefined;
    if (signature !== undefined && !this.#file.isUnsure(call.callee.name)) {
      const callable: Callable = { kind: "operation", signature };
      for (const problem of bind(call, callable, piped).problems) {
        const name = problem.kind === "unknown" ? problem.arg.name?.name : undefined;
        if (name !== undefined && this.#host.foreignArgument(signature.name, name) !== undefined) this.#problem(call, callable, problem);
      }
    }
    return new Set(call.args.map((a) => a.value));
  }

  #callable(call: CallExpr, scope: LocalScope): Callable | undefined {
    const { name, span } = call.callee;
    const def = this.#file.names.get(name);
    if (def?.kind === "broken") return undefined;
    if (def?.kind === "decl" && def.decl.kind === "block") {
      // A head with a syntax mistake says little about the parameters.
      return def.file.isDoubtful(def.decl.name.span.start) ? undefined : { kind: "block", decl: def.decl, file: def.file };
    }
    const signature = this.#host.operations.get(name);
    if (signature !== undefined) return { kind: "operation", signature };
    const fn = functions.get(name);
    if (fn !== undefined) return { kind: "function", signature: fn };
    if (name === "" || this.#file.isUnsure(name)) return undefined;
    const actual = def?.kind === "decl" ? `a ${def.decl.kind === "net" ? "net" : "constant"}` : scope.find(name) === undefined ? undefined : "a value";
    if (actual !== undefined) this.#report(diagnose("SP0234", { name, actual, expected: "an operation or block" }, [{ span, text: "called here" }]));
    else this.#unknown(call);
    return undefined;
  }

  #unknown(call: CallExpr): void {
    const { name, span } = call.callee;
    const foreign = this.#host.foreignOperation(name);
    if (foreign?.kind === "spelled") {
      const notes = foreign.note === undefined ? {} : { notes: [foreign.note] };
      const [word = ""] = foreign.spelling.split(/[( ]/);
      const help = { text: `write \`${foreign.spelling}\``, edits: [{ span, text: word }] };
      this.#report(diagnose("SP0203", { name, spelling: foreign.spelling }, [{ span, text: "a name of another library" }], { ...notes, help }));
    } else if (foreign?.kind === "later") {
      const notes = foreign.note === undefined ? {} : { notes: [foreign.note] };
      this.#report(diagnose("SP0220", { what: foreign.what }, [{ span, text: "planned" }], notes));
    } else if (foreign?.kind === "needless") {
      this.#report(diagnose("SP0233", { argument: name }, [{ span, text: "leave this out" }], { notes: [foreign.why] }));
    } else {
      if (this.#unknowns.has(name)) return;
      this.#unknowns.add(name);
      const blocks = [...this.#file.names].flatMap(([n, d]) => (d.kind === "decl" && d.decl.kind === "block" ? [n] : []));
      const meant = suggest(name, [...blocks, ...[...this.#host.operations.keys()].filter((n) => /^\w/.test(n)), ...functions.keys()]);
      const extras = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span, text: meant }] } };
      this.#report(diagnose("SP0202", { name }, [{ span, text: "no operation, function or block of this name" }], extras));
    }
  }

  #problem(call: CallExpr, callable: Callable, problem: BindProblem): void {
    const operation = call.callee.name;
    const at = { span: call.callee.span, text: "" };
    switch (problem.kind) {
      case "missing":
        return this.#report(diagnose("SP0207", { operation, parameter: problem.parameter }, [{ ...at, text: `\`${problem.parameter}\` is missing` }], this.#parameterNote(callable)));
      case "many":
        return this.#report(diagnose("SP0208", { operation }, [{ span: problem.arg?.span ?? call.callee.span, text: "one too many" }], this.#parameterNote(callable)));
      case "twice":
        return this.#report(diagnose("SP0209", { parameter: problem.parameter }, [{ span: problem.arg.span, text: "given again" }]));
      case "unknown":
        return this.#unknownArgument(call, callable, problem.arg);
    }
  }

  #unknownArgument(call: CallExpr, callable: Callable, arg: CallExpr["args"][number]): void {
    const operation = callable.kind === "block" ? call.callee.name : callable.signature.name;
    const span = arg.name?.span ?? arg.span;
    const argument = arg.name?.name ?? "";
    if (argument === "" || this.#file.isUnsure(argument)) return;
    const names = [...formals(callable).map((p) => p.name), ...(takesPath(callable) ? ["w"] : [])];
    const foreign = this.#host.foreignArgument(operation, argument);
    if (operation === "subm" && (argument === "s" || foreign?.kind === "spelled" && foreign.spelling === "s")) {
      return this.#report(diagnose("SP0402", {}, [{ span, text: "no stride here" }], { help: { text: "`conv` derives sites: `conv(c, k=…, s=…)`", edits: [{ span: call.callee.span, text: "conv" }] } }));
    }
    if (foreign?.kind === "spelled" && names.includes(foreign.spelling)) {
      const help = { text: `write \`${foreign.spelling}=\``, edits: [{ span, text: foreign.spelling }] };
      return this.#report(diagnose("SP0205", { argument, spelling: foreign.spelling }, [{ span, text: "a name of another library" }], { help }));
    }
    if (foreign?.kind === "needless") {
      return this.#report(diagnose("SP0233", { argument }, [{ span, text: "remove this" }], { notes: [foreign.why] }));
    }
    if (foreign?.kind === "later") {
      const notes = foreign.note === undefined ? {} : { notes: [foreign.note] };
      return this.#report(diagnose("SP0220", { what: foreign.what }, [{ span, text: "planned" }], notes));
    }
    const meant = suggest(argument, names);
    const help = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span, text: meant }] } };
    this.#report(diagnose("SP0204", { operation, argument }, [{ span, text: "no such argument" }], { ...this.#parameterNote(callable), ...help }));
  }

  #parameterNote(callable: Callable): { readonly notes: readonly string[] } {
    const names = formals(callable).map((p) => (p.required ? `\`${p.name}\`` : `\`${p.name}=\``));
    if (takesPath(callable)) names.push("`w=`");
    return { notes: [`it takes ${names.join(", ")}`] };
  }

  /** Refuses blocks that use themselves. Files do not import each other in circles, so one file is enough to look at. */
  reportRecursion(): void {
    const done = new Set<BlockDecl | NetDecl>();
    for (const start of this.#edges.keys()) {
      const active = new Set<BlockDecl | NetDecl>();
      const stack = [{ decl: start, next: 0 }];
      while (stack.length > 0) {
        const top = stack.at(-1)!;
        if (top.next === 0) active.add(top.decl);
        const edge = done.has(top.decl) ? undefined : this.#edges.get(top.decl)?.[top.next++];
        if (edge === undefined) {
          done.add(top.decl);
          active.delete(top.decl);
          stack.pop();
        } else if (active.has(edge.to)) {
          this.#bindings.delete(edge.call);
          this.#report(diagnose("SP0217", { name: edge.to.name.name }, [{ span: edge.call.callee.span, text: "uses the block that it belongs to" }, { span: edge.to.name.span, text: "defined here" }]));
        } else {
          stack.push({ decl: edge.to, next: 0 });
        }
      }
    }
  }
}
