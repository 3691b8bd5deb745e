import type { BlockDecl, Body, CallExpr, Expr, NetDecl, Param, Stmt, TypeExpr } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { NUMBERS, type ElaborationHost } from "../elaborate/host.ts";
import type { LoadedFile, Program } from "../program.ts";
import type { Binding } from "./bind.ts";
import { CallResolver } from "./calls.ts";
import { LocalScope, type LocalKind } from "./scope.ts";

/** What names and calls mean, found without running anything. */
export interface Resolution {
  /** By the call expression; absent when the call cannot be made, which has been reported. */
  readonly bindings: ReadonlyMap<CallExpr, Binding>;
  readonly diagnostics: readonly Diagnostic[];
}

const typeNames = ["feat", "vec", "dense", "int", "float", "bool", "text", "list"];

/** Resolves every file of a program, blocks that nothing calls included. */
export function resolveProgram(program: Program, host: ElaborationHost): Resolution {
  const diagnostics: Diagnostic[] = [];
  const bindings = new Map<CallExpr, Binding>();
  for (const file of program.files.values()) new FileResolver(file, host, bindings, (d) => diagnostics.push(d)).run();
  return { bindings, diagnostics };
}

/** Where a statement stands. */
interface Position {
  readonly callable: "net" | "block";
  /** Directly in the braces of the net or block. */
  readonly top: boolean;
}

class FileResolver {
  readonly #file: LoadedFile;
  readonly #report: (diagnostic: Diagnostic) => void;
  readonly #calls: CallResolver;
  /** Constants defined so far: a constant may use earlier ones. */
  readonly #constants = new Set<string>();
  #outputs = new Map<string, Stmt>();
  /** Unknown names of this net or block: one message each. */
  #unknowns = new Set<string>();

  constructor(file: LoadedFile, host: ElaborationHost, bindings: Map<CallExpr, Binding>, report: (diagnostic: Diagnostic) => void) {
    this.#file = file;
    this.#report = report;
    this.#calls = new CallResolver(file, host, bindings, report);
  }

  run(): void {
    for (const decl of this.#file.unit.declarations) {
      if (decl.kind !== "const") continue;
      this.#type(decl.annotation, new LocalScope());
      this.#expr(decl.value, new LocalScope(), decl.name.name);
      this.#constants.add(decl.name.name);
    }
    for (const decl of this.#file.unit.declarations) if (decl.kind !== "const") this.#callable(decl);
    this.#calls.reportRecursion();
  }

  #callable(decl: BlockDecl | NetDecl): void {
    const scope = new LocalScope();
    this.#outputs = new Map();
    this.#unknowns = new Set();
    this.#calls.enter(decl);
    for (const param of decl.params) this.#param(param, scope);
    if (decl.kind === "block") this.#type(decl.result, scope);
    this.#body(decl.body, scope, { callable: decl.kind, top: true });
    if (this.#file.broken) return;
    if (decl.kind === "net" && this.#outputs.size === 0) {
      this.#report(diagnose("SP0229", { name: decl.name.name }, [{ span: decl.name.span, text: "nothing is computed" }]));
    }
    if (decl.kind === "block" && !alwaysReturns(decl.body)) {
      this.#report(diagnose("SP0218", { name: decl.name.name }, [{ span: decl.name.span, text: "not every way through it returns a value" }]));
    }
  }

  #param(param: Param, scope: LocalScope): void {
    this.#type(param.annotation, scope);
    if (param.value !== undefined) this.#expr(param.value, scope);
    if (param.name.name === "w") {
      this.#report(diagnose("SP0226", { what: "a parameter named `w`" }, [{ span: param.name.span, text: "`w=` names the weights in every call" }]));
    }
    this.#define(scope, "parameter", param.name);
  }

  #define(scope: LocalScope, kind: LocalKind, { name, span }: { readonly name: string; readonly span: Param["span"] }): void {
    if (name === "") return;
    const known = scope.define(kind, name, span);
    if (known === undefined) return;
    known.used = true;
    const extras = known.kind === "var" && kind === "let" ? { help: { text: `to give it a new value write \`set ${name} = …\`` } } : {};
    this.#report(diagnose("SP0206", { name }, [{ span, text: "defined again" }, { span: known.span, text: "first defined here" }], extras));
  }

  #body(body: Body, scope: LocalScope, position: Position): void {
    for (const stmt of body.statements) this.#statement(stmt, scope, position);
    if (this.#file.broken) return;
    for (const local of scope.locals()) {
      if (local.used || (local.kind !== "let" && local.kind !== "var") || local.name.startsWith("_")) continue;
      this.#report(diagnose("SP0701", { name: local.name }, [{ span: local.span, text: "defined here" }]));
    }
  }

  #inner(body: Body, scope: LocalScope, position: Position): void {
    this.#body(body, scope, { ...position, top: false });
  }

  #statement(stmt: Stmt, scope: LocalScope, position: Position): void {
    this.#place(stmt, position);
    switch (stmt.kind) {
      case "dialect":
      case "layout":
        return;
      case "sites":
        for (const axis of stmt.axes) if (axis.extent !== undefined) this.#expr(axis.extent, scope);
        if (stmt.ground !== undefined) this.#expr(stmt.ground, scope);
        if (stmt.source !== undefined) this.#siteSource(stmt.source, scope);
        return this.#define(scope, "sites", stmt.name);
      case "input":
        this.#type(stmt.annotation, scope);
        return this.#define(scope, "input", stmt.name);
      case "output":
        return this.#output(stmt, scope);
      case "let":
        this.#type(stmt.annotation, scope);
        this.#expr(stmt.value, scope, stmt.name.name);
        return this.#define(scope, stmt.variable ? "var" : "let", stmt.name);
      case "set":
        this.#expr(stmt.value, scope);
        return this.#set(stmt, scope);
      case "for": {
        this.#expr(stmt.from, scope);
        if (stmt.end !== undefined) this.#expr(stmt.end, scope);
        const inner = new LocalScope(scope);
        this.#define(inner, "loop", stmt.name);
        return this.#inner(stmt.body, inner, position);
      }
      case "if":
        for (const arm of stmt.arms) {
          this.#expr(arm.condition, scope);
          this.#inner(arm.body, new LocalScope(scope), position);
        }
        if (stmt.otherwise !== undefined) this.#inner(stmt.otherwise, new LocalScope(scope), position);
        return;
      case "return":
        return this.#expr(stmt.value, scope);
      case "assert":
        return this.#expr(stmt.condition, scope);
    }
  }

  /** Reports a statement that does not belong where it stands. */
  #place(stmt: Stmt, { callable, top }: Position): void {
    const isNetStatement = stmt.kind === "dialect" || stmt.kind === "layout" || stmt.kind === "sites" || stmt.kind === "input" || stmt.kind === "output";
    const misplaced = isNetStatement ? callable === "block" || !top : stmt.kind === "return" && callable === "net";
    // With a brace missing, where a statement stands says little.
    if (!misplaced || this.#file.broken) return;
    const text = stmt.kind === "return" ? "a net has `output` statements" : callable === "block" ? "belongs into a net" : "belongs directly into the net";
    const span = { ...stmt.span, end: Math.min(stmt.span.end, stmt.span.start + stmt.kind.length) };
    this.#report(diagnose("SP0226", { what: `\`${stmt.kind}\`` }, [{ span, text }]));
    if (stmt.kind === "output") this.#outputs.set(stmt.name.name, stmt);
  }

  #output(stmt: Stmt & { readonly kind: "output" }, scope: LocalScope): void {
    this.#type(stmt.annotation, scope);
    this.#expr(stmt.value, scope);
    const { name, span } = stmt.name;
    const known = this.#outputs.get(name);
    if (known?.kind === "output" && known !== stmt) {
      this.#report(diagnose("SP0206", { name }, [{ span, text: "a second output of this name" }, { span: known.name.span, text: "the first is here" }]));
    }
    this.#outputs.set(name, stmt);
  }

  #set(stmt: Stmt & { readonly kind: "set" }, scope: LocalScope): void {
    const { name, span } = stmt.target;
    const local = scope.find(name);
    if (local === undefined) {
      const constant = this.#file.names.has(name);
      if (constant) this.#report(diagnose("SP0219", { name }, [{ span, text: "a name of the file" }]));
      else this.#unknown(name, span, scope);
    } else if (local.kind !== "var") {
      const help = local.kind === "let" ? { help: { text: `define it with \`var ${name} = …\`` } } : {};
      this.#report(diagnose("SP0219", { name }, [{ span, text: "rebound here" }, { span: local.span, text: "defined here" }], help));
    } else if (stmt.add) {
      local.used = true;
    }
  }

  #type(type: TypeExpr | undefined, scope: LocalScope): void {
    if (type === undefined) return;
    if (!typeNames.includes(type.name)) {
      const meant = type.name.toLowerCase() === "string" ? "text" : suggest(type.name, typeNames);
      const extras = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span: type.nameSpan, text: meant }] } };
      if (!this.#file.isUnsure(type.name)) this.#report(diagnose("SP0224", { name: type.name }, [{ span: type.nameSpan, text: "no such type" }], extras));
      return;
    }
    const numbersAt = type.name === "feat" ? 2 : type.name === "vec" ? 1 : -1;
    type.args.forEach((arg, i) => {
      if (type.name !== "list" && !(i === numbersAt && arg.kind === "name" && NUMBERS.some((n) => n === arg.name))) this.#expr(arg, scope);
    });
  }

  /** Walks an expression without recursion into chains; `defining` is the name that the expression gives a value. */
  #expr(expr: Expr, scope: LocalScope, defining?: string): void {
    switch (expr.kind) {
      case "int":
      case "float":
      case "bool":
      case "missing":
        return;
      case "text":
        for (const part of expr.parts) if (typeof part !== "string") this.#expr(part, scope, defining);
        return;
      case "name":
        return this.#name(expr.name, expr.span, scope, defining);
      case "list":
        for (const item of expr.items) this.#expr(item, scope, defining);
        return;
      case "index":
        this.#expr(expr.list, scope, defining);
        return this.#expr(expr.index, scope, defining);
      case "call":
        return this.#call(expr, scope, false, defining);
      case "pipe":
        this.#expr(expr.value, scope, defining);
        for (const stage of expr.stages) this.#call(stage, scope, true, defining);
        return;
      case "chain":
        this.#expr(expr.first, scope, defining);
        for (const { operand } of expr.rest) this.#expr(operand, scope, defining);
        return;
      case "compare":
        this.#expr(expr.left, scope, defining);
        return this.#expr(expr.right, scope, defining);
      case "unary":
        return this.#expr(expr.operand, scope, defining);
      case "ifExpr":
        this.#expr(expr.condition, scope, defining);
        this.#expr(expr.then, scope, defining);
        return this.#expr(expr.otherwise, scope, defining);
    }
  }

  #siteSource(call: CallExpr, scope: LocalScope): void {
    const words = this.#calls.resolveSource(call);
    for (const arg of call.args) if (!(words.has(arg.value) && arg.value.kind === "name" && scope.find(arg.value.name) === undefined)) this.#expr(arg.value, scope);
  }

  #call(call: CallExpr, scope: LocalScope, piped: boolean, defining: string | undefined): void {
    const words = this.#calls.resolve(call, piped, scope);
    for (const arg of call.args) {
      // A word such as `reach` is no variable, unless there is one of that name.
      if (words.has(arg.value) && arg.value.kind === "name" && scope.find(arg.value.name) === undefined) continue;
      this.#expr(arg.value, scope, defining);
    }
  }

  #name(name: string, span: Param["span"], scope: LocalScope, defining: string | undefined): void {
    if (name === "") return;
    const local = scope.find(name);
    if (local !== undefined) {
      local.used = true;
      return;
    }
    const def = this.#file.names.get(name);
    if (def === undefined) return this.#unknown(name, span, scope, defining);
    if (def.kind === "broken") return;
    if (def.decl.kind !== "const") {
      this.#report(diagnose("SP0234", { name, actual: `a ${def.decl.kind}`, expected: "a value" }, [{ span, text: "a value is needed here" }]));
    } else if (def.file === this.#file && !this.#constants.has(name)) {
      const labels = [{ span, text: "used before it is defined" }, { span: def.decl.name.span, text: "defined here" }];
      this.#report(name === defining ? diagnose("SP0217", { name }, [labels[0]!]) : diagnose("SP0201", { name }, labels));
    }
  }

  #unknown(name: string, span: Param["span"], scope: LocalScope, defining?: string): void {
    if (name === "" || this.#file.isUnsure(name) || this.#unknowns.has(name)) return;
    this.#unknowns.add(name);
    if (name === defining) {
      this.#report(diagnose("SP0201", { name }, [{ span, text: "not defined before its own definition" }]));
      return;
    }
    const constants = [...this.#file.names].flatMap(([n, d]) => (d.kind === "decl" && d.decl.kind === "const" ? [n] : []));
    const python: Readonly<Record<string, string>> = { True: "true", False: "false" };
    const meant = python[name] ?? suggest(name, [...scope.names(), ...constants]);
    const extras = meant === undefined ? {} : { help: { text: `did you mean \`${meant}\`?`, edits: [{ span, text: meant }] } };
    this.#report(diagnose("SP0201", { name }, [{ span, text: "not defined here" }], extras));
  }
}

/** True when every way through the statements ends in `return`. */
function alwaysReturns(body: Body): boolean {
  return body.statements.some(
    (stmt) => stmt.kind === "return" || (stmt.kind === "if" && stmt.otherwise !== undefined && alwaysReturns(stmt.otherwise) && stmt.arms.every((arm) => alwaysReturns(arm.body))),
  );
}
