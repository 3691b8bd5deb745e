import type { Span } from "./span.ts";

/**
 * The syntax tree: immutable plain objects told apart by `kind`, each with its span. A name that is declared is a
 * `NameDef`, a name that is used is a `NameRef`. After a syntax mistake a part may be `missing`; it stands for
 * anything and is never reported again.
 */
export interface SourceUnit {
  readonly kind: "file";
  readonly span: Span;
  readonly imports: readonly ImportDecl[];
  readonly declarations: readonly Declaration[];
}

export interface NameDef {
  readonly kind: "nameDef";
  readonly name: string;
  readonly span: Span;
}

export interface ImportDecl {
  readonly kind: "import";
  readonly items: readonly ImportItem[];
  /** Undefined after a syntax mistake. */
  readonly path: { readonly text: string; readonly span: Span } | undefined;
  readonly span: Span;
}

export interface ImportItem {
  readonly name: NameDef;
  /** The name under which it is known here. */
  readonly local: NameDef;
}

export type Declaration = ConstDecl | BlockDecl | NetDecl;

interface Declared {
  readonly name: NameDef;
  readonly exported: boolean;
  /** Text of the `///` lines before it, without the slashes. */
  readonly doc: string;
  readonly span: Span;
}

export interface ConstDecl extends Declared {
  readonly kind: "const";
  readonly annotation: TypeExpr | undefined;
  readonly value: Expr;
}

export interface BlockDecl extends Declared {
  readonly kind: "block";
  readonly params: readonly Param[];
  readonly result: TypeExpr | undefined;
  readonly body: Body;
}

export interface NetDecl extends Declared {
  readonly kind: "net";
  readonly params: readonly Param[];
  readonly body: Body;
}

export interface Param {
  readonly name: NameDef;
  readonly annotation: TypeExpr | undefined;
  readonly value: Expr | undefined;
  readonly span: Span;
}

/** `feat[S/4, 64]`: a name with arguments that are ordinary expressions. */
export interface TypeExpr {
  readonly kind: "type";
  readonly name: string;
  readonly nameSpan: Span;
  readonly args: readonly Expr[];
  readonly span: Span;
}

export interface Body {
  readonly statements: readonly Stmt[];
  readonly span: Span;
}

export type Stmt = DialectStmt | LayoutStmt | SitesStmt | InputStmt | OutputStmt | LetStmt | SetStmt | ForStmt | IfStmt | ReturnStmt | AssertStmt;

export interface DialectStmt {
  readonly kind: "dialect";
  readonly name: NameDef;
  readonly span: Span;
}

export interface LayoutStmt {
  readonly kind: "layout";
  readonly name: NameDef;
  readonly span: Span;
}

export interface SitesStmt {
  readonly kind: "sites";
  readonly name: NameDef;
  readonly axes: readonly Axis[];
  /** What inactive sites hold. */
  readonly ground: Expr | undefined;
  /** `points` or `voxels(…)`, where coordinates do not come from the caller. */
  readonly source: CallExpr | undefined;
  readonly span: Span;
}

export interface Axis {
  readonly name: NameDef;
  readonly extent: Expr | undefined;
}

export interface InputStmt {
  readonly kind: "input";
  readonly name: NameDef;
  /** Undefined after a syntax mistake. */
  readonly annotation: TypeExpr | undefined;
  readonly span: Span;
}

export interface OutputStmt {
  readonly kind: "output";
  readonly name: NameDef;
  readonly annotation: TypeExpr | undefined;
  readonly value: Expr;
  readonly span: Span;
}

export interface LetStmt {
  readonly kind: "let";
  /** Declared with `var`: may be rebound. */
  readonly variable: boolean;
  readonly name: NameDef;
  readonly annotation: TypeExpr | undefined;
  readonly value: Expr;
  readonly span: Span;
}

export interface SetStmt {
  readonly kind: "set";
  readonly target: NameRef;
  /** `+=`. */
  readonly add: boolean;
  readonly value: Expr;
  readonly span: Span;
}

export interface ForStmt {
  readonly kind: "for";
  readonly name: NameDef;
  readonly from: Expr;
  /** With an end the loop counts `from..end`, without one it walks the list `from`. */
  readonly end: Expr | undefined;
  readonly body: Body;
  readonly span: Span;
}

export interface IfStmt {
  readonly kind: "if";
  readonly arms: readonly { readonly condition: Expr; readonly body: Body }[];
  readonly otherwise: Body | undefined;
  readonly span: Span;
}

export interface ReturnStmt {
  readonly kind: "return";
  readonly value: Expr;
  readonly span: Span;
}

export interface AssertStmt {
  readonly kind: "assert";
  readonly condition: Expr;
  readonly message: string | undefined;
  readonly span: Span;
}

export type Expr =
  | IntExpr | FloatExpr | BoolExpr | TextExpr | NameRef | ListExpr | IndexExpr | CallExpr | PipeExpr | ChainExpr | CompareExpr | UnaryExpr | IfExpr | MissingExpr;

export interface IntExpr {
  readonly kind: "int";
  readonly value: number;
  readonly span: Span;
}

export interface FloatExpr {
  readonly kind: "float";
  readonly value: number;
  readonly span: Span;
}

export interface BoolExpr {
  readonly kind: "bool";
  readonly value: boolean;
  readonly span: Span;
}

/** A text of literal parts and interpolated expressions in turn. */
export interface TextExpr {
  readonly kind: "text";
  readonly parts: readonly (string | Expr)[];
  readonly span: Span;
}

export interface NameRef {
  readonly kind: "name";
  readonly name: string;
  readonly span: Span;
}

export interface ListExpr {
  readonly kind: "list";
  readonly items: readonly Expr[];
  readonly span: Span;
}

export interface IndexExpr {
  readonly kind: "index";
  readonly list: Expr;
  readonly index: Expr;
  readonly span: Span;
}

export interface CallExpr {
  readonly kind: "call";
  readonly callee: NameRef;
  readonly args: readonly Arg[];
  readonly span: Span;
}

export interface Arg {
  /** Undefined for a positional argument. */
  readonly name: NameRef | undefined;
  readonly value: Expr;
  readonly span: Span;
}

/** `value |> f(a) |> g`: each stage gets the value before it as its first argument. */
export interface PipeExpr {
  readonly kind: "pipe";
  readonly value: Expr;
  readonly stages: readonly CallExpr[];
  readonly span: Span;
}

export type ChainOperator = "+" | "-" | "*" | "/" | "%" | "and" | "or";

/** Left-associative operators of one precedence, flat, so that a long sum is not a deep tree. */
export interface ChainExpr {
  readonly kind: "chain";
  readonly first: Expr;
  readonly rest: readonly { readonly operator: ChainOperator; readonly operatorSpan: Span; readonly operand: Expr }[];
  readonly span: Span;
}

export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=";

export interface CompareExpr {
  readonly kind: "compare";
  readonly operator: CompareOperator;
  readonly operatorSpan: Span;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}

export interface UnaryExpr {
  readonly kind: "unary";
  readonly operator: "-" | "not";
  readonly operand: Expr;
  readonly span: Span;
}

export interface IfExpr {
  readonly kind: "ifExpr";
  readonly condition: Expr;
  readonly then: Expr;
  readonly otherwise: Expr;
  readonly span: Span;
}

/** What a syntax mistake left out. Evaluates to the error value. */
export interface MissingExpr {
  readonly kind: "missing";
  readonly span: Span;
}
