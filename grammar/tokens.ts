import { createToken, Lexer, type TokenType } from "chevrotain";

/** Words that begin a statement inside a net or block. Recovery resumes at them. */
export const statementWords = ["dialect", "layout", "sites", "input", "output", "let", "var", "set", "for", "if", "return", "assert"] as const;
/** Words that begin a declaration of a file. */
export const declarationWords = ["import", "export", "const", "block", "net"] as const;
const otherWords = ["spnet", "as", "from", "in", "then", "else", "true", "false", "and", "or", "not"] as const;

export const keywords = [...declarationWords, ...statementWords, ...otherWords] as const;
export type Keyword = (typeof keywords)[number];

export const Ident = createToken({ name: "Ident", label: "a name", pattern: /[A-Za-z_][A-Za-z0-9_]*/ });

export const kw = Object.fromEntries(
  keywords.map((word) => [word, createToken({ name: `${word[0]!.toUpperCase()}${word.slice(1)}`, label: `\`${word}\``, pattern: new RegExp(word), longer_alt: Ident })]),
) as Readonly<Record<Keyword, TokenType>>;

export const Float = createToken({ name: "Float", label: "a number", pattern: /[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)/ });
export const Int = createToken({ name: "Int", label: "a whole number", pattern: /[0-9]+/ });
/** One token with its interpolations inside; the closing quote may be missing at the end of a line. */
export const Text = createToken({ name: "Text", label: "a text", pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"?/, start_chars_hint: ['"'] });

const symbol = (name: string, text: string): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")) });

export const Pipe = symbol("Pipe", "|>");
export const Arrow = symbol("Arrow", "->");
export const PlusAssign = symbol("PlusAssign", "+=");
export const DotDot = symbol("DotDot", "..");
export const Equal = symbol("Equal", "==");
export const NotEqual = symbol("NotEqual", "!=");
export const LessEqual = symbol("LessEqual", "<=");
export const GreaterEqual = symbol("GreaterEqual", ">=");
export const Less = symbol("Less", "<");
export const Greater = symbol("Greater", ">");
export const Assign = symbol("Assign", "=");
export const Plus = symbol("Plus", "+");
export const Minus = symbol("Minus", "-");
export const Star = symbol("Star", "*");
export const Slash = symbol("Slash", "/");
export const Percent = symbol("Percent", "%");
export const Comma = symbol("Comma", ",");
export const Colon = symbol("Colon", ":");
export const Dot = symbol("Dot", ".");
export const LParen = symbol("LParen", "(");
export const RParen = symbol("RParen", ")");
export const LSquare = symbol("LSquare", "[");
export const RSquare = symbol("RSquare", "]");
export const LCurly = symbol("LCurly", "{");
export const RCurly = symbol("RCurly", "}");

const Blank = createToken({ name: "Blank", pattern: /[ \t\r\n\uFEFF]+/, group: Lexer.SKIPPED, line_breaks: true });
export const DocComment = createToken({ name: "DocComment", pattern: /\/\/\/[^\r\n]*/, start_chars_hint: ["/"], group: "docs" });
export const Comment = createToken({ name: "Comment", pattern: /\/\/[^\r\n]*/, start_chars_hint: ["/"], group: "comments" });

/** Punctuation, longest first where one begins another. */
export const symbols: readonly TokenType[] = [
  Pipe, Arrow, PlusAssign, DotDot, Equal, NotEqual, LessEqual, GreaterEqual, Less, Greater, Assign, Plus, Minus, Star, Slash, Percent,
  Comma, Colon, Dot, LParen, RParen, LSquare, RSquare, LCurly, RCurly,
];

const byLength = [...keywords].sort((a, b) => b.length - a.length).map((word) => kw[word]);

/** Every token in the order in which the lexer tries them. */
export const tokens: readonly TokenType[] = [Blank, DocComment, Comment, ...byLength, Ident, Float, Int, Text, ...symbols];

/** The lexer; `validate` has the library look for mistakes in the tokens themselves. */
export const makeLexer = (validate: boolean): Lexer => new Lexer([...tokens], { ensureOptimizations: true, skipValidations: !validate, positionTracking: "full" });

export const spnetLexer = makeLexer(false);
