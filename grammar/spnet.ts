import { CstParser, type CstNode, type IParserErrorMessageProvider, type IToken, type ParserMethod, type TokenType } from "chevrotain";
import * as t from "./tokens.ts";

const { kw } = t;

/** Tokens that may begin or continue a stretch of text that belongs to no statement. */
const strayInBody: readonly TokenType[] = [
  t.Ident, t.Int, t.Float, t.Text, ...t.symbols.filter((s) => s !== t.LCurly && s !== t.RCurly),
  kw.spnet, kw.as, kw.from, kw.in, kw.then, kw.else, kw.true, kw.false, kw.and, kw.or, kw.not,
];
const strayInFile: readonly TokenType[] = [...strayInBody, t.LCurly, t.RCurly, ...t.statementWords.map((w) => kw[w])];

interface Options {
  readonly errorMessageProvider: IParserErrorMessageProvider;
  /** Has the library look for mistakes in the grammar itself, which takes as long as everything else at the start. */
  readonly validate?: boolean;
}

/**
 * The grammar of `.spnet`, LL(1) but for two gates. Conventions are in grammar/README.md: a rule is an AST kind, an
 * alternative is a rule of its own, every statement starts with a keyword, and what follows no rule is a `stray`
 * (one node for a stretch of text up to the next keyword, so that one mistake is one message).
 */
export class SpnetParser extends CstParser {
  constructor({ errorMessageProvider, validate = false }: Options) {
    super([...t.tokens], { recoveryEnabled: true, maxLookahead: 1, skipValidations: !validate, nodeLocationTracking: "onlyOffset", errorMessageProvider });
    this.performSelfAnalysis();
  }

  /** A made-up name or number would only cause a second message. */
  override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    return type !== t.Ident && type !== t.Int && type !== t.Float && type !== t.Text;
  }

  readonly file = this.RULE("file", () => {
    this.OPTION(() => this.SUBRULE(this.header));
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.importDecl) },
        { ALT: () => this.SUBRULE(this.declaration) },
        { ALT: () => this.SUBRULE(this.strayFile) },
      ]);
    });
  });

  readonly header = this.RULE("header", () => {
    this.CONSUME(kw.spnet);
    this.CONSUME(t.Int);
  });

  readonly importDecl = this.RULE("importDecl", () => {
    this.CONSUME(kw.import);
    this.CONSUME(t.LCurly);
    this.SUBRULE(this.importItem);
    this.MANY({
      GATE: () => this.LA(2).tokenType !== t.RCurly,
      DEF: () => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.importItem);
      },
    });
    this.OPTION(() => this.CONSUME2(t.Comma));
    this.CONSUME(t.RCurly);
    this.CONSUME(kw.from);
    this.CONSUME(t.Text);
  });

  readonly importItem = this.RULE("importItem", () => {
    this.CONSUME(t.Ident);
    this.OPTION(() => {
      this.CONSUME(kw.as);
      this.CONSUME2(t.Ident);
    });
  });

  readonly declaration = this.RULE("declaration", () => {
    this.OPTION(() => this.CONSUME(kw.export));
    this.OR([
      { ALT: () => this.SUBRULE(this.constDecl) },
      { ALT: () => this.SUBRULE(this.blockDecl) },
      { ALT: () => this.SUBRULE(this.netDecl) },
    ]);
  });

  readonly constDecl = this.RULE("constDecl", () => {
    this.CONSUME(kw.const);
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.annotation));
    this.CONSUME(t.Assign);
    this.SUBRULE(this.expr);
  });

  readonly blockDecl = this.RULE("blockDecl", () => {
    this.CONSUME(kw.block);
    this.CONSUME(t.Ident);
    this.SUBRULE(this.params);
    this.OPTION(() => {
      this.CONSUME(t.Arrow);
      this.SUBRULE(this.type);
    });
    this.SUBRULE(this.body);
  });

  readonly netDecl = this.RULE("netDecl", () => {
    this.CONSUME(kw.net);
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.params));
    this.SUBRULE(this.body);
  });

  readonly params = this.RULE("params", () => {
    this.CONSUME(t.LParen);
    this.OPTION(() => {
      this.SUBRULE(this.param);
      this.MANY({
        GATE: () => this.LA(2).tokenType !== t.RParen,
        DEF: () => {
          this.CONSUME(t.Comma);
          this.SUBRULE2(this.param);
        },
      });
      this.OPTION2(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RParen);
  });

  readonly param = this.RULE("param", () => {
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.annotation));
    this.OPTION2(() => {
      this.CONSUME(t.Assign);
      this.SUBRULE(this.expr);
    });
  });

  readonly annotation = this.RULE("annotation", () => {
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
  });

  readonly type = this.RULE("type", () => {
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.list));
  });

  readonly body = this.RULE("body", () => {
    this.CONSUME(t.LCurly);
    this.MANY(() => this.SUBRULE(this.statement));
    this.CONSUME(t.RCurly);
  });

  readonly statement = this.RULE("statement", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.dialectStmt) },
      { ALT: () => this.SUBRULE(this.layoutStmt) },
      { ALT: () => this.SUBRULE(this.sitesStmt) },
      { ALT: () => this.SUBRULE(this.inputStmt) },
      { ALT: () => this.SUBRULE(this.outputStmt) },
      { ALT: () => this.SUBRULE(this.letStmt) },
      { ALT: () => this.SUBRULE(this.varStmt) },
      { ALT: () => this.SUBRULE(this.setStmt) },
      { ALT: () => this.SUBRULE(this.forStmt) },
      { ALT: () => this.SUBRULE(this.ifStmt) },
      { ALT: () => this.SUBRULE(this.returnStmt) },
      { ALT: () => this.SUBRULE(this.assertStmt) },
      { ALT: () => this.SUBRULE(this.stray) },
    ]);
  });

  readonly dialectStmt = this.RULE("dialectStmt", () => {
    this.CONSUME(kw.dialect);
    this.CONSUME(t.Ident);
  });

  readonly layoutStmt = this.RULE("layoutStmt", () => {
    this.CONSUME(kw.layout);
    this.CONSUME(t.Ident);
  });

  readonly sitesStmt = this.RULE("sitesStmt", () => {
    this.CONSUME(kw.sites);
    this.CONSUME(t.Ident);
    this.CONSUME(t.Colon);
    this.CONSUME(t.LParen);
    this.SUBRULE(this.axis);
    this.MANY({
      GATE: () => this.LA(2).tokenType !== t.RParen,
      DEF: () => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.axis);
      },
    });
    this.OPTION(() => this.CONSUME2(t.Comma));
    this.CONSUME(t.RParen);
    this.OPTION2({
      GATE: () => this.LA(1).image === "ground",
      DEF: () => this.SUBRULE(this.ground),
    });
    this.OPTION3(() => this.SUBRULE(this.siteSource));
  });

  /** Where the sites come from, if not from the caller's coordinates: `points`, or `voxels(…)`. */
  readonly siteSource = this.RULE("siteSource", () => {
    this.CONSUME(t.Assign);
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.args));
  });

  /** The name is always `ground`, which is no keyword: values may have that name. */
  readonly ground = this.RULE("ground", () => {
    this.CONSUME(t.Ident);
    this.CONSUME(t.Assign);
    this.SUBRULE(this.expr);
  });

  readonly axis = this.RULE("axis", () => {
    this.CONSUME(t.Ident);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.expr);
    });
  });

  readonly inputStmt = this.RULE("inputStmt", () => {
    this.CONSUME(kw.input);
    this.CONSUME(t.Ident);
    this.SUBRULE(this.annotation);
  });

  readonly outputStmt = this.RULE("outputStmt", () => {
    this.CONSUME(kw.output);
    this.SUBRULE(this.binding);
  });

  readonly letStmt = this.RULE("letStmt", () => {
    this.CONSUME(kw.let);
    this.SUBRULE(this.binding);
  });

  readonly varStmt = this.RULE("varStmt", () => {
    this.CONSUME(kw.var);
    this.SUBRULE(this.binding);
  });

  readonly binding = this.RULE("binding", () => {
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.annotation));
    this.CONSUME(t.Assign);
    this.SUBRULE(this.expr);
  });

  readonly setStmt = this.RULE("setStmt", () => {
    this.CONSUME(kw.set);
    this.CONSUME(t.Ident);
    this.OR([{ ALT: () => this.CONSUME(t.Assign) }, { ALT: () => this.CONSUME(t.PlusAssign) }]);
    this.SUBRULE(this.expr);
  });

  readonly forStmt = this.RULE("forStmt", () => {
    this.CONSUME(kw.for);
    this.CONSUME(t.Ident);
    this.CONSUME(kw.in);
    this.SUBRULE(this.expr);
    this.OPTION(() => {
      this.CONSUME(t.DotDot);
      this.SUBRULE2(this.expr);
    });
    this.SUBRULE(this.body);
  });

  readonly ifStmt = this.RULE("ifStmt", () => {
    this.CONSUME(kw.if);
    this.SUBRULE(this.expr);
    this.SUBRULE(this.body);
    this.MANY({
      GATE: () => this.LA(2).tokenType === kw.if,
      DEF: () => this.SUBRULE(this.elseIf),
    });
    this.OPTION(() => this.SUBRULE(this.elseBody));
  });

  readonly elseIf = this.RULE("elseIf", () => {
    this.CONSUME(kw.else);
    this.CONSUME(kw.if);
    this.SUBRULE(this.expr);
    this.SUBRULE(this.body);
  });

  readonly elseBody = this.RULE("elseBody", () => {
    this.CONSUME(kw.else);
    this.SUBRULE(this.body);
  });

  readonly returnStmt = this.RULE("returnStmt", () => {
    this.CONSUME(kw.return);
    this.SUBRULE(this.expr);
  });

  readonly assertStmt = this.RULE("assertStmt", () => {
    this.CONSUME(kw.assert);
    this.SUBRULE(this.expr);
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.CONSUME(t.Text);
    });
  });

  /** An `if` inside of a line begins no statement: it belongs to an expression that went astray. */
  readonly stray = this.RULE("stray", () => {
    this.or(0, [...strayInBody.map((type, i) => ({ ALT: () => this.consume(i, type) })), { ALT: () => this.SUBRULE2(this.body) }]);
    this.many(0, {
      GATE: () => this.LA(1).tokenType !== kw.if || this.LA(1).startLine === this.LA(0).endLine,
      DEF: () =>
        this.or(1, [
          ...[...strayInBody, kw.if].map((type, i) => ({ ALT: () => this.consume(i + strayInBody.length, type) })),
          // Braces stay in pairs, so that the end of the net is found again.
          { ALT: () => this.SUBRULE(this.body) },
        ]),
    });
  });

  readonly strayFile = this.RULE("strayFile", () => {
    this.AT_LEAST_ONE(() => this.OR(strayInFile.map((type, i) => ({ ALT: () => this.consume(i, type) }))));
  });

  readonly expr: ParserMethod<[], CstNode> = this.RULE("expr", () => {
    this.OR([{ ALT: () => this.SUBRULE(this.ifExpr) }, { ALT: () => this.SUBRULE(this.pipe) }]);
  });

  readonly ifExpr = this.RULE("ifExpr", () => {
    this.CONSUME(kw.if);
    this.SUBRULE(this.disjunction);
    this.CONSUME(kw.then);
    this.SUBRULE2(this.expr);
    this.CONSUME(kw.else);
    this.SUBRULE3(this.expr);
  });

  readonly pipe = this.RULE("pipe", () => {
    this.SUBRULE(this.disjunction);
    this.MANY(() => {
      this.CONSUME(t.Pipe);
      this.SUBRULE(this.stage);
    });
  });

  readonly stage = this.RULE("stage", () => {
    this.CONSUME(t.Ident);
    this.OPTION(() => this.SUBRULE(this.args));
  });

  readonly args = this.RULE("args", () => {
    this.CONSUME(t.LParen);
    this.OPTION(() => {
      this.SUBRULE(this.arg);
      this.MANY({
        GATE: () => this.LA(2).tokenType !== t.RParen,
        DEF: () => {
          this.CONSUME(t.Comma);
          this.SUBRULE2(this.arg);
        },
      });
      this.OPTION2(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RParen);
  });

  readonly arg = this.RULE("arg", () => {
    this.OPTION({
      GATE: () => this.LA(2).tokenType === t.Assign,
      DEF: () => this.SUBRULE(this.argName),
    });
    this.SUBRULE(this.expr);
  });

  /** `sites` is a keyword and the name of an argument of `conv`. */
  readonly argName = this.RULE("argName", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Ident) }, { ALT: () => this.CONSUME(kw.sites) }, { ALT: () => this.CONSUME(kw.layout) }]);
    this.CONSUME(t.Assign);
  });

  readonly disjunction = this.RULE("disjunction", () => {
    this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(kw.or);
      this.SUBRULE2(this.conjunction);
    });
  });

  readonly conjunction = this.RULE("conjunction", () => {
    this.SUBRULE(this.negation);
    this.MANY(() => {
      this.CONSUME(kw.and);
      this.SUBRULE2(this.negation);
    });
  });

  readonly negation = this.RULE("negation", () => {
    this.MANY(() => this.CONSUME(kw.not));
    this.SUBRULE(this.comparison);
  });

  readonly comparison = this.RULE("comparison", () => {
    this.SUBRULE(this.sum);
    this.OPTION(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Equal) },
        { ALT: () => this.CONSUME(t.NotEqual) },
        { ALT: () => this.CONSUME(t.LessEqual) },
        { ALT: () => this.CONSUME(t.GreaterEqual) },
        { ALT: () => this.CONSUME(t.Less) },
        { ALT: () => this.CONSUME(t.Greater) },
      ]);
      this.SUBRULE2(this.sum);
    });
  });

  readonly sum = this.RULE("sum", () => {
    this.SUBRULE(this.product);
    this.MANY(() => {
      this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }]);
      this.SUBRULE2(this.product);
    });
  });

  readonly product = this.RULE("product", () => {
    this.SUBRULE(this.unary);
    this.MANY(() => {
      this.OR([{ ALT: () => this.CONSUME(t.Star) }, { ALT: () => this.CONSUME(t.Slash) }, { ALT: () => this.CONSUME(t.Percent) }]);
      this.SUBRULE2(this.unary);
    });
  });

  readonly unary = this.RULE("unary", () => {
    this.MANY(() => this.CONSUME(t.Minus));
    this.SUBRULE(this.postfix);
  });

  readonly postfix = this.RULE("postfix", () => {
    this.SUBRULE(this.atom);
    this.MANY(() => this.OR([{ ALT: () => this.SUBRULE(this.args) }, { ALT: () => this.SUBRULE(this.index) }, { ALT: () => this.SUBRULE(this.member) }]));
  });

  readonly index = this.RULE("index", () => {
    this.CONSUME(t.LSquare);
    this.SUBRULE(this.expr);
    this.CONSUME(t.RSquare);
  });

  /** No value has members; the rule exists to say so (`x.relu()`, `torch.cat`). */
  readonly member = this.RULE("member", () => {
    this.CONSUME(t.Dot);
    this.CONSUME(t.Ident);
  });

  readonly atom = this.RULE("atom", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Int) },
      { ALT: () => this.CONSUME(t.Float) },
      { ALT: () => this.CONSUME(t.Text) },
      { ALT: () => this.CONSUME(kw.true) },
      { ALT: () => this.CONSUME(kw.false) },
      { ALT: () => this.CONSUME(t.Ident) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.paren) },
    ]);
  });

  readonly paren = this.RULE("paren", () => {
    this.CONSUME(t.LParen);
    this.SUBRULE(this.expr);
    this.CONSUME(t.RParen);
  });

  readonly list = this.RULE("list", () => {
    this.CONSUME(t.LSquare);
    this.OPTION(() => {
      this.SUBRULE(this.expr);
      this.MANY({
        GATE: () => this.LA(2).tokenType !== t.RSquare,
        DEF: () => {
          this.CONSUME(t.Comma);
          this.SUBRULE2(this.expr);
        },
      });
      this.OPTION2(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RSquare);
  });

  /** Text between the braces of an interpolated string: one expression and nothing else. */
  readonly interpolation = this.RULE("interpolation", () => {
    this.SUBRULE(this.expr);
  });
}

export type { CstNode, IToken };
