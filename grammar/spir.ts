import { createToken, EmbeddedActionsParser, Lexer, type IToken, type TokenType } from "chevrotain";

/*
 * The text form of modules, `.spir`. LL(1), one statement per op, layout free:
 *
 *   spir 1 fused "Second"
 *   sites @S = input(z: 41, y: 1600, x: 1408)
 *   sites @S/2 = reach(@S) {kernel = [3, 3, 3], stride = [2, 2, 2], padding = [1, 1, 1], dilation = [1, 1, 1]}
 *   %3 = fused.conv %1, %2 {terms = [{x = 0, w = 1}]} : feat<@S, 16, f32> loc(second.spnet:9:22 via blocks.spnet:3:5)
 *   output "bev" = %41 loc(second.spnet:20:3)
 *
 * What op names, attributes and types mean is not known here: src/ir/read.ts asks the registry.
 */

/** Any word, reserved or not: attribute keys may be reserved words. */
const Word = createToken({ name: "Word", label: "a name", pattern: Lexer.NA });
const Name = createToken({ name: "Name", label: "a name", pattern: /[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/, categories: Word });
const reserved = (name: string, text: string): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: new RegExp(text), longer_alt: Name, categories: Word });
const Spir = reserved("Spir", "spir");
const Sites = reserved("Sites", "sites");
const Output = reserved("Output", "output");
const Via = reserved("Via", "via");
const True = reserved("True", "true");
const False = reserved("False", "false");

const LocOpen = createToken({ name: "LocOpen", label: "`loc(`", pattern: /loc\(/ });
/** `file:line:column`; unusual file names in quotes. */
const Place = createToken({
  name: "Place",
  label: "a place",
  pattern: /(?:[A-Za-z0-9_.-][A-Za-z0-9_./-]*|"(?:[^"\\\r\n]|\\[^\r\n])*"):\d+:\d+/,
  start_chars_hint: [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-\""],
});
const Value = createToken({ name: "Value", label: "a value", pattern: /%\d+/ });
const Site = createToken({ name: "Site", label: "a site set", pattern: /@[A-Za-z_]\w*(?:\.\d+(?:x\d+)*)?(?:[/*]\d+(?:x\d+)*)?(?:~\d+)?/ });
const Num = createToken({ name: "Num", label: "a number", pattern: /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/ });
const Text = createToken({ name: "Text", label: "a text", pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/, start_chars_hint: ['"'] });

const symbol = (name: string, text: string): TokenType => createToken({ name, label: `\`${text}\``, pattern: new RegExp(`\\${text}`) });
const Assign = symbol("Assign", "=");
const Comma = symbol("Comma", ",");
const Colon = symbol("Colon", ":");
const LParen = symbol("LParen", "(");
const RParen = symbol("RParen", ")");
const LSquare = symbol("LSquare", "[");
const RSquare = symbol("RSquare", "]");
const LCurly = symbol("LCurly", "{");
const RCurly = symbol("RCurly", "}");
const Less = symbol("Less", "<");
const Greater = symbol("Greater", ">");

const Blank = createToken({ name: "Blank", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true });
const Comment = createToken({ name: "Comment", pattern: /\/\/[^\r\n]*/, start_chars_hint: ["/"], group: Lexer.SKIPPED });

const words = [Spir, Sites, Output, Via, True, False];
const symbols = [Assign, Comma, Colon, LParen, RParen, LSquare, RSquare, LCurly, RCurly, Less, Greater];
const tokens = [Blank, Comment, LocOpen, Place, ...words, Name, Word, Value, Site, Num, Text, ...symbols];

export const spirLexer = new Lexer(tokens, { ensureOptimizations: true, positionTracking: "onlyOffset" });

export interface SpirEntry {
  readonly key: IToken;
  readonly value: SpirAttr;
}

/** An attribute value: a token (number, text, true, false, site set), a list or an object. */
export type SpirAttr = { readonly token: IToken } | { readonly list: readonly SpirAttr[] } | { readonly entries: readonly SpirEntry[] };

export interface SpirType {
  readonly name: IToken;
  readonly args: readonly SpirAttr[];
}

/** One place with the places of the calls that led there, innermost first. */
export type SpirPlace = readonly IToken[];

export interface SpirSites {
  readonly kind: "sites";
  readonly id: IToken;
  readonly rule: IToken;
  /** The sets it derives from; none for an input set, which has axes. */
  readonly of: readonly IToken[];
  readonly axes: readonly { readonly name: IToken; readonly extent: IToken | undefined }[];
  readonly attrs: readonly SpirEntry[];
}

export interface SpirOp {
  readonly kind: "op";
  readonly results: readonly IToken[];
  readonly name: IToken;
  readonly operands: readonly IToken[];
  readonly attrs: readonly SpirEntry[];
  readonly types: readonly SpirType[];
  readonly loc: readonly SpirPlace[];
}

export interface SpirOutput {
  readonly kind: "output";
  readonly name: IToken;
  readonly value: IToken;
  readonly loc: readonly SpirPlace[];
}

export type SpirStatement = SpirSites | SpirOp | SpirOutput;

export interface SpirFile {
  readonly version: IToken;
  readonly level: IToken;
  readonly name: IToken;
  readonly statements: readonly SpirStatement[];
}

/** Builds the tree while parsing; the tree is meaningful only when `errors` stays empty. */
export class SpirParser extends EmbeddedActionsParser {
  constructor() {
    super(tokens, { maxLookahead: 1 });
    this.performSelfAnalysis();
  }

  readonly file = this.RULE("file", (): SpirFile => {
    this.CONSUME(Spir);
    const version = this.CONSUME(Num);
    const level = this.CONSUME(Name);
    const name = this.CONSUME(Text);
    const statements: SpirStatement[] = [];
    this.MANY(() => statements.push(this.SUBRULE(this.statement)));
    return { version, level, name, statements };
  });

  readonly statement = this.RULE("statement", (): SpirStatement =>
    this.OR<SpirStatement>([{ ALT: () => this.SUBRULE(this.sites) }, { ALT: () => this.SUBRULE(this.output) }, { ALT: () => this.SUBRULE(this.op) }]),
  );

  readonly sites = this.RULE("sites", (): SpirSites => {
    this.CONSUME(Sites);
    const id = this.CONSUME(Site);
    this.CONSUME(Assign);
    const rule = this.CONSUME(Name);
    this.CONSUME(LParen);
    const axes: { name: IToken; extent: IToken | undefined }[] = [];
    const of: IToken[] = [];
    this.OR([
      {
        ALT: () => {
          this.AT_LEAST_ONE_SEP2({ SEP: Comma, DEF: () => void of.push(this.CONSUME2(Site)) });
        },
      },
      {
        ALT: () => {
          this.AT_LEAST_ONE_SEP({
            SEP: Comma,
            DEF: () => {
              const name = this.CONSUME(Word);
              const extent = this.OPTION(() => {
                this.CONSUME(Colon);
                return this.CONSUME(Num);
              });
              axes.push({ name, extent });
            },
          });
        },
      },
    ]);
    this.CONSUME(RParen);
    const attrs = this.OPTION2(() => this.SUBRULE(this.entries)) ?? [];
    return { kind: "sites", id, rule, of, axes, attrs };
  });

  readonly output = this.RULE("output", (): SpirOutput => {
    this.CONSUME(Output);
    const name = this.CONSUME(Text);
    this.CONSUME(Assign);
    const value = this.CONSUME(Value);
    const loc = this.OPTION(() => this.SUBRULE(this.loc)) ?? [];
    return { kind: "output", name, value, loc };
  });

  readonly op = this.RULE("op", (): SpirOp => {
    const results: IToken[] = [];
    this.OPTION(() => {
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => results.push(this.CONSUME(Value)) });
      this.CONSUME(Assign);
    });
    const name = this.CONSUME(Name);
    const operands: IToken[] = [];
    this.MANY_SEP({ SEP: Comma, DEF: () => operands.push(this.CONSUME2(Value)) });
    const attrs = this.OPTION2(() => this.SUBRULE(this.entries)) ?? [];
    const types: SpirType[] = [];
    this.OPTION3(() => {
      this.CONSUME(Colon);
      this.AT_LEAST_ONE_SEP2({ SEP: Comma, DEF: () => types.push(this.SUBRULE(this.type)) });
    });
    const loc = this.OPTION4(() => this.SUBRULE(this.loc)) ?? [];
    return { kind: "op", results, name, operands, attrs, types, loc };
  });

  readonly type = this.RULE("type", (): SpirType => {
    const name = this.CONSUME(Name);
    const args: SpirAttr[] = [];
    this.OPTION(() => {
      this.CONSUME(Less);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => args.push(this.SUBRULE(this.attr)) });
      this.CONSUME(Greater);
    });
    return { name, args };
  });

  readonly entries = this.RULE("entries", (): readonly SpirEntry[] => {
    const entries: SpirEntry[] = [];
    this.CONSUME(LCurly);
    this.MANY_SEP({
      SEP: Comma,
      DEF: () => {
        const key = this.OR([{ ALT: () => this.CONSUME(Word) }, { ALT: () => this.CONSUME(Text) }]);
        this.CONSUME(Assign);
        entries.push({ key, value: this.SUBRULE(this.attr) });
      },
    });
    this.CONSUME(RCurly);
    return entries;
  });

  readonly attr = this.RULE("attr", (): SpirAttr =>
    this.OR<SpirAttr>([
      { ALT: () => ({ list: this.SUBRULE(this.list) }) },
      { ALT: () => ({ entries: this.SUBRULE(this.entries) }) },
      { ALT: () => ({ token: this.CONSUME(Num) }) },
      { ALT: () => ({ token: this.CONSUME(Text) }) },
      { ALT: () => ({ token: this.CONSUME(Site) }) },
      // A word: true, false, or the dtype of a type.
      { ALT: () => ({ token: this.CONSUME(Word) }) },
    ]),
  );

  readonly list = this.RULE("list", (): readonly SpirAttr[] => {
    const items: SpirAttr[] = [];
    this.CONSUME(LSquare);
    this.MANY_SEP({ SEP: Comma, DEF: () => items.push(this.SUBRULE(this.attr)) });
    this.CONSUME(RSquare);
    return items;
  });

  readonly loc = this.RULE("loc", (): readonly SpirPlace[] => {
    const places: SpirPlace[] = [];
    this.CONSUME(LocOpen);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => places.push(this.SUBRULE(this.place)) });
    this.CONSUME(RParen);
    return places;
  });

  readonly place = this.RULE("place", (): SpirPlace => {
    const calls = [this.CONSUME(Place)];
    this.MANY(() => {
      this.CONSUME(Via);
      calls.push(this.CONSUME2(Place));
    });
    return calls;
  });
}
