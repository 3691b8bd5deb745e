// Generated from grammar/spnet.ts.
import type { CstNode, IToken } from "chevrotain";

export interface FileCstNode extends CstNode {
  name: "file";
  children: FileCstChildren;
}

export type FileCstChildren = {
  header?: HeaderCstNode[];
  importDecl?: ImportDeclCstNode[];
  declaration?: DeclarationCstNode[];
  strayFile?: StrayFileCstNode[];
};

export interface HeaderCstNode extends CstNode {
  name: "header";
  children: HeaderCstChildren;
}

export type HeaderCstChildren = {
  Spnet: IToken[];
  Int: IToken[];
};

export interface ImportDeclCstNode extends CstNode {
  name: "importDecl";
  children: ImportDeclCstChildren;
}

export type ImportDeclCstChildren = {
  Import: IToken[];
  LCurly: IToken[];
  importItem: (ImportItemCstNode)[];
  Comma?: (IToken)[];
  RCurly: IToken[];
  From: IToken[];
  Text: IToken[];
};

export interface ImportItemCstNode extends CstNode {
  name: "importItem";
  children: ImportItemCstChildren;
}

export type ImportItemCstChildren = {
  Ident: (IToken)[];
  As?: IToken[];
};

export interface DeclarationCstNode extends CstNode {
  name: "declaration";
  children: DeclarationCstChildren;
}

export type DeclarationCstChildren = {
  Export?: IToken[];
  constDecl?: ConstDeclCstNode[];
  blockDecl?: BlockDeclCstNode[];
  netDecl?: NetDeclCstNode[];
};

export interface ConstDeclCstNode extends CstNode {
  name: "constDecl";
  children: ConstDeclCstChildren;
}

export type ConstDeclCstChildren = {
  Const: IToken[];
  Ident: IToken[];
  annotation?: AnnotationCstNode[];
  Assign: IToken[];
  expr: ExprCstNode[];
};

export interface BlockDeclCstNode extends CstNode {
  name: "blockDecl";
  children: BlockDeclCstChildren;
}

export type BlockDeclCstChildren = {
  Block: IToken[];
  Ident: IToken[];
  params: ParamsCstNode[];
  Arrow?: IToken[];
  type?: TypeCstNode[];
  body: BodyCstNode[];
};

export interface NetDeclCstNode extends CstNode {
  name: "netDecl";
  children: NetDeclCstChildren;
}

export type NetDeclCstChildren = {
  Net: IToken[];
  Ident: IToken[];
  params?: ParamsCstNode[];
  body: BodyCstNode[];
};

export interface ParamsCstNode extends CstNode {
  name: "params";
  children: ParamsCstChildren;
}

export type ParamsCstChildren = {
  LParen: IToken[];
  param?: (ParamCstNode)[];
  Comma?: (IToken)[];
  RParen: IToken[];
};

export interface ParamCstNode extends CstNode {
  name: "param";
  children: ParamCstChildren;
}

export type ParamCstChildren = {
  Ident: IToken[];
  annotation?: AnnotationCstNode[];
  Assign?: IToken[];
  expr?: ExprCstNode[];
};

export interface AnnotationCstNode extends CstNode {
  name: "annotation";
  children: AnnotationCstChildren;
}

export type AnnotationCstChildren = {
  Colon: IToken[];
  type: TypeCstNode[];
};

export interface TypeCstNode extends CstNode {
  name: "type";
  children: TypeCstChildren;
}

export type TypeCstChildren = {
  Ident: IToken[];
  list?: ListCstNode[];
};

export interface BodyCstNode extends CstNode {
  name: "body";
  children: BodyCstChildren;
}

export type BodyCstChildren = {
  LCurly: IToken[];
  statement?: StatementCstNode[];
  RCurly: IToken[];
};

export interface StatementCstNode extends CstNode {
  name: "statement";
  children: StatementCstChildren;
}

export type StatementCstChildren = {
  dialectStmt?: DialectStmtCstNode[];
  layoutStmt?: LayoutStmtCstNode[];
  sitesStmt?: SitesStmtCstNode[];
  inputStmt?: InputStmtCstNode[];
  outputStmt?: OutputStmtCstNode[];
  letStmt?: LetStmtCstNode[];
  varStmt?: VarStmtCstNode[];
  setStmt?: SetStmtCstNode[];
  forStmt?: ForStmtCstNode[];
  ifStmt?: IfStmtCstNode[];
  returnStmt?: ReturnStmtCstNode[];
  assertStmt?: AssertStmtCstNode[];
  stray?: StrayCstNode[];
};

export interface DialectStmtCstNode extends CstNode {
  name: "dialectStmt";
  children: DialectStmtCstChildren;
}

export type DialectStmtCstChildren = {
  Dialect: IToken[];
  Ident: IToken[];
};

export interface LayoutStmtCstNode extends CstNode {
  name: "layoutStmt";
  children: LayoutStmtCstChildren;
}

export type LayoutStmtCstChildren = {
  Layout: IToken[];
  Ident: IToken[];
};

export interface SitesStmtCstNode extends CstNode {
  name: "sitesStmt";
  children: SitesStmtCstChildren;
}

export type SitesStmtCstChildren = {
  Sites: IToken[];
  Ident: IToken[];
  Colon: IToken[];
  LParen: IToken[];
  axis: (AxisCstNode)[];
  Comma?: (IToken)[];
  RParen: IToken[];
  ground?: GroundCstNode[];
  siteSource?: SiteSourceCstNode[];
};

export interface SiteSourceCstNode extends CstNode {
  name: "siteSource";
  children: SiteSourceCstChildren;
}

export type SiteSourceCstChildren = {
  Assign: IToken[];
  Ident: IToken[];
  args?: ArgsCstNode[];
};

export interface GroundCstNode extends CstNode {
  name: "ground";
  children: GroundCstChildren;
}

export type GroundCstChildren = {
  Ident: IToken[];
  Assign: IToken[];
  expr: ExprCstNode[];
};

export interface AxisCstNode extends CstNode {
  name: "axis";
  children: AxisCstChildren;
}

export type AxisCstChildren = {
  Ident: IToken[];
  Colon?: IToken[];
  expr?: ExprCstNode[];
};

export interface InputStmtCstNode extends CstNode {
  name: "inputStmt";
  children: InputStmtCstChildren;
}

export type InputStmtCstChildren = {
  Input: IToken[];
  Ident: IToken[];
  annotation: AnnotationCstNode[];
};

export interface OutputStmtCstNode extends CstNode {
  name: "outputStmt";
  children: OutputStmtCstChildren;
}

export type OutputStmtCstChildren = {
  Output: IToken[];
  binding: BindingCstNode[];
};

export interface LetStmtCstNode extends CstNode {
  name: "letStmt";
  children: LetStmtCstChildren;
}

export type LetStmtCstChildren = {
  Let: IToken[];
  binding: BindingCstNode[];
};

export interface VarStmtCstNode extends CstNode {
  name: "varStmt";
  children: VarStmtCstChildren;
}

export type VarStmtCstChildren = {
  Var: IToken[];
  binding: BindingCstNode[];
};

export interface BindingCstNode extends CstNode {
  name: "binding";
  children: BindingCstChildren;
}

export type BindingCstChildren = {
  Ident: IToken[];
  annotation?: AnnotationCstNode[];
  Assign: IToken[];
  expr: ExprCstNode[];
};

export interface SetStmtCstNode extends CstNode {
  name: "setStmt";
  children: SetStmtCstChildren;
}

export type SetStmtCstChildren = {
  Set: IToken[];
  Ident: IToken[];
  Assign?: IToken[];
  PlusAssign?: IToken[];
  expr: ExprCstNode[];
};

export interface ForStmtCstNode extends CstNode {
  name: "forStmt";
  children: ForStmtCstChildren;
}

export type ForStmtCstChildren = {
  For: IToken[];
  Ident: IToken[];
  In: IToken[];
  expr: (ExprCstNode)[];
  DotDot?: IToken[];
  body: BodyCstNode[];
};

export interface IfStmtCstNode extends CstNode {
  name: "ifStmt";
  children: IfStmtCstChildren;
}

export type IfStmtCstChildren = {
  If: IToken[];
  expr: ExprCstNode[];
  body: BodyCstNode[];
  elseIf?: ElseIfCstNode[];
  elseBody?: ElseBodyCstNode[];
};

export interface ElseIfCstNode extends CstNode {
  name: "elseIf";
  children: ElseIfCstChildren;
}

export type ElseIfCstChildren = {
  Else: IToken[];
  If: IToken[];
  expr: ExprCstNode[];
  body: BodyCstNode[];
};

export interface ElseBodyCstNode extends CstNode {
  name: "elseBody";
  children: ElseBodyCstChildren;
}

export type ElseBodyCstChildren = {
  Else: IToken[];
  body: BodyCstNode[];
};

export interface ReturnStmtCstNode extends CstNode {
  name: "returnStmt";
  children: ReturnStmtCstChildren;
}

export type ReturnStmtCstChildren = {
  Return: IToken[];
  expr: ExprCstNode[];
};

export interface AssertStmtCstNode extends CstNode {
  name: "assertStmt";
  children: AssertStmtCstChildren;
}

export type AssertStmtCstChildren = {
  Assert: IToken[];
  expr: ExprCstNode[];
  Comma?: IToken[];
  Text?: IToken[];
};

export interface StrayCstNode extends CstNode {
  name: "stray";
  children: StrayCstChildren;
}

export type StrayCstChildren = {
  Ident?: (IToken)[];
  Int?: (IToken)[];
  Float?: (IToken)[];
  Text?: (IToken)[];
  Pipe?: (IToken)[];
  Arrow?: (IToken)[];
  PlusAssign?: (IToken)[];
  DotDot?: (IToken)[];
  Equal?: (IToken)[];
  NotEqual?: (IToken)[];
  LessEqual?: (IToken)[];
  GreaterEqual?: (IToken)[];
  Less?: (IToken)[];
  Greater?: (IToken)[];
  Assign?: (IToken)[];
  Plus?: (IToken)[];
  Minus?: (IToken)[];
  Star?: (IToken)[];
  Slash?: (IToken)[];
  Percent?: (IToken)[];
  Comma?: (IToken)[];
  Colon?: (IToken)[];
  Dot?: (IToken)[];
  LParen?: (IToken)[];
  RParen?: (IToken)[];
  LSquare?: (IToken)[];
  RSquare?: (IToken)[];
  Spnet?: (IToken)[];
  As?: (IToken)[];
  From?: (IToken)[];
  In?: (IToken)[];
  Then?: (IToken)[];
  Else?: (IToken)[];
  True?: (IToken)[];
  False?: (IToken)[];
  And?: (IToken)[];
  Or?: (IToken)[];
  Not?: (IToken)[];
  body?: (BodyCstNode)[];
  If?: IToken[];
};

export interface StrayFileCstNode extends CstNode {
  name: "strayFile";
  children: StrayFileCstChildren;
}

export type StrayFileCstChildren = {
  Ident?: IToken[];
  Int?: IToken[];
  Float?: IToken[];
  Text?: IToken[];
  Pipe?: IToken[];
  Arrow?: IToken[];
  PlusAssign?: IToken[];
  DotDot?: IToken[];
  Equal?: IToken[];
  NotEqual?: IToken[];
  LessEqual?: IToken[];
  GreaterEqual?: IToken[];
  Less?: IToken[];
  Greater?: IToken[];
  Assign?: IToken[];
  Plus?: IToken[];
  Minus?: IToken[];
  Star?: IToken[];
  Slash?: IToken[];
  Percent?: IToken[];
  Comma?: IToken[];
  Colon?: IToken[];
  Dot?: IToken[];
  LParen?: IToken[];
  RParen?: IToken[];
  LSquare?: IToken[];
  RSquare?: IToken[];
  Spnet?: IToken[];
  As?: IToken[];
  From?: IToken[];
  In?: IToken[];
  Then?: IToken[];
  Else?: IToken[];
  True?: IToken[];
  False?: IToken[];
  And?: IToken[];
  Or?: IToken[];
  Not?: IToken[];
  LCurly?: IToken[];
  RCurly?: IToken[];
  Dialect?: IToken[];
  Layout?: IToken[];
  Sites?: IToken[];
  Input?: IToken[];
  Output?: IToken[];
  Let?: IToken[];
  Var?: IToken[];
  Set?: IToken[];
  For?: IToken[];
  If?: IToken[];
  Return?: IToken[];
  Assert?: IToken[];
};

export interface ExprCstNode extends CstNode {
  name: "expr";
  children: ExprCstChildren;
}

export type ExprCstChildren = {
  ifExpr?: IfExprCstNode[];
  pipe?: PipeCstNode[];
};

export interface IfExprCstNode extends CstNode {
  name: "ifExpr";
  children: IfExprCstChildren;
}

export type IfExprCstChildren = {
  If: IToken[];
  disjunction: DisjunctionCstNode[];
  Then: IToken[];
  expr: (ExprCstNode)[];
  Else: IToken[];
};

export interface PipeCstNode extends CstNode {
  name: "pipe";
  children: PipeCstChildren;
}

export type PipeCstChildren = {
  disjunction: DisjunctionCstNode[];
  Pipe?: IToken[];
  stage?: StageCstNode[];
};

export interface StageCstNode extends CstNode {
  name: "stage";
  children: StageCstChildren;
}

export type StageCstChildren = {
  Ident: IToken[];
  args?: ArgsCstNode[];
};

export interface ArgsCstNode extends CstNode {
  name: "args";
  children: ArgsCstChildren;
}

export type ArgsCstChildren = {
  LParen: IToken[];
  arg?: (ArgCstNode)[];
  Comma?: (IToken)[];
  RParen: IToken[];
};

export interface ArgCstNode extends CstNode {
  name: "arg";
  children: ArgCstChildren;
}

export type ArgCstChildren = {
  argName?: ArgNameCstNode[];
  expr: ExprCstNode[];
};

export interface ArgNameCstNode extends CstNode {
  name: "argName";
  children: ArgNameCstChildren;
}

export type ArgNameCstChildren = {
  Ident?: IToken[];
  Sites?: IToken[];
  Layout?: IToken[];
  Assign: IToken[];
};

export interface DisjunctionCstNode extends CstNode {
  name: "disjunction";
  children: DisjunctionCstChildren;
}

export type DisjunctionCstChildren = {
  conjunction: (ConjunctionCstNode)[];
  Or?: IToken[];
};

export interface ConjunctionCstNode extends CstNode {
  name: "conjunction";
  children: ConjunctionCstChildren;
}

export type ConjunctionCstChildren = {
  negation: (NegationCstNode)[];
  And?: IToken[];
};

export interface NegationCstNode extends CstNode {
  name: "negation";
  children: NegationCstChildren;
}

export type NegationCstChildren = {
  Not?: IToken[];
  comparison: ComparisonCstNode[];
};

export interface ComparisonCstNode extends CstNode {
  name: "comparison";
  children: ComparisonCstChildren;
}

export type ComparisonCstChildren = {
  sum: (SumCstNode)[];
  Equal?: IToken[];
  NotEqual?: IToken[];
  LessEqual?: IToken[];
  GreaterEqual?: IToken[];
  Less?: IToken[];
  Greater?: IToken[];
};

export interface SumCstNode extends CstNode {
  name: "sum";
  children: SumCstChildren;
}

export type SumCstChildren = {
  product: (ProductCstNode)[];
  Plus?: IToken[];
  Minus?: IToken[];
};

export interface ProductCstNode extends CstNode {
  name: "product";
  children: ProductCstChildren;
}

export type ProductCstChildren = {
  unary: (UnaryCstNode)[];
  Star?: IToken[];
  Slash?: IToken[];
  Percent?: IToken[];
};

export interface UnaryCstNode extends CstNode {
  name: "unary";
  children: UnaryCstChildren;
}

export type UnaryCstChildren = {
  Minus?: IToken[];
  postfix: PostfixCstNode[];
};

export interface PostfixCstNode extends CstNode {
  name: "postfix";
  children: PostfixCstChildren;
}

export type PostfixCstChildren = {
  atom: AtomCstNode[];
  args?: ArgsCstNode[];
  index?: IndexCstNode[];
  member?: MemberCstNode[];
};

export interface IndexCstNode extends CstNode {
  name: "index";
  children: IndexCstChildren;
}

export type IndexCstChildren = {
  LSquare: IToken[];
  expr: ExprCstNode[];
  RSquare: IToken[];
};

export interface MemberCstNode extends CstNode {
  name: "member";
  children: MemberCstChildren;
}

export type MemberCstChildren = {
  Dot: IToken[];
  Ident: IToken[];
};

export interface AtomCstNode extends CstNode {
  name: "atom";
  children: AtomCstChildren;
}

export type AtomCstChildren = {
  Int?: IToken[];
  Float?: IToken[];
  Text?: IToken[];
  True?: IToken[];
  False?: IToken[];
  Ident?: IToken[];
  list?: ListCstNode[];
  paren?: ParenCstNode[];
};

export interface ParenCstNode extends CstNode {
  name: "paren";
  children: ParenCstChildren;
}

export type ParenCstChildren = {
  LParen: IToken[];
  expr: ExprCstNode[];
  RParen: IToken[];
};

export interface ListCstNode extends CstNode {
  name: "list";
  children: ListCstChildren;
}

export type ListCstChildren = {
  LSquare: IToken[];
  expr?: (ExprCstNode)[];
  Comma?: (IToken)[];
  RSquare: IToken[];
};

export interface InterpolationCstNode extends CstNode {
  name: "interpolation";
  children: InterpolationCstChildren;
}

export type InterpolationCstChildren = {
  expr: ExprCstNode[];
};
