import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { spnetLexer, tokens } from "../../grammar/tokens.ts";
import { compileSource } from "../../src/ir/from-source.ts";
import type { Expr, NetDecl, Stmt } from "../../src/parser/ast.ts";
import { parseSource } from "../../src/parser/parse.ts";

const parse = (text: string) => parseSource({ name: "a.spnet", text });

function statements(text: string): readonly Stmt[] {
  const { unit, diagnostics } = parse(`spnet 1\nnet N {\n${text}\n}\n`);
  expect(diagnostics).toEqual([]);
  return (unit.declarations[0] as NetDecl).body.statements;
}

/** An expression with every operator in parentheses. */
function show(expr: Expr): string {
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
      return String(expr.value);
    case "text":
      return JSON.stringify(expr.parts.map((p) => (typeof p === "string" ? p : `{${show(p)}}`)).join(""));
    case "name":
      return expr.name;
    case "list":
      return `[${expr.items.map(show).join(", ")}]`;
    case "index":
      return `${show(expr.list)}[${show(expr.index)}]`;
    case "call":
      return `${expr.callee.name}(${expr.args.map((a) => `${a.name === undefined ? "" : `${a.name.name}=`}${show(a.value)}`).join(", ")})`;
    case "pipe":
      return `(${[expr.value, ...expr.stages].map(show).join(" |> ")})`;
    case "chain":
      return expr.rest.reduce((left, { operator, operand }) => `(${left} ${operator} ${show(operand)})`, show(expr.first));
    case "compare":
      return `(${show(expr.left)} ${expr.operator} ${show(expr.right)})`;
    case "unary":
      return `(${expr.operator} ${show(expr.operand)})`;
    case "ifExpr":
      return `(if ${show(expr.condition)} then ${show(expr.then)} else ${show(expr.otherwise)})`;
    case "missing":
      return "?";
  }
}

function expression(text: string): string {
  const [stmt] = statements(`let a = ${text}`);
  return stmt?.kind === "let" ? show(stmt.value) : "no let";
}

describe("expressions", () => {
  test.each([
    ["1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"],
    ["a - b - c", "((a - b) - c)"],
    ["not a and b or c == 1", "(((not a) and b) or (c == 1))"],
    ["not a < b and - c < d", "((not (a < b)) and ((- c) < d))"],
    ["- a[0] * 2", "((- a[0]) * 2)"],
    ["x |> f(1, k=[3, 1, 1],) |> g", "(x |> f(1, k=[3, 1, 1]) |> g())"],
    ["relu(x + y)", "relu((x + y))"],
    ["conv(x, sites=reach, layout=2)", "conv(x, sites=reach, layout=2)"],
    ["if a then b else if c then d else e |> f", "(if a then b else (if c then d else (e |> f())))"],
    ["(x |> f) + y", "((x |> f()) + y)"],
    ['"conv{i + 1}.{j}"', '"conv{(i + 1)}.{j}"'],
    ['"\\{a\\} \\"b\\" \\\\"', '"{a} \\"b\\" \\\\"'],
    ["[1.5, 1e-3, 2.5E+2]", "[1.5, 0.001, 250]"],
    ["[]", "[]"],
  ])("%s", (text, tree) => expect(expression(text)).toBe(tree));

  test("a range needs no space around its dots", () => {
    const [stmt] = statements("for i in 0..4 { }");
    expect(stmt?.kind === "for" && stmt.end !== undefined && show(stmt.from) + show(stmt.end)).toBe("04");
  });
});

describe("declarations", () => {
  test("doc comments belong to the declaration they stand before", () => {
    const { unit } = parse("spnet 1\n/// One.\n/// Two.\nconst A = 1\n/// Lost, because something is between.\nconst B = 2\n// plain\nconst C = 3\n");
    expect(unit.declarations.map((d) => d.doc)).toEqual(["One.\nTwo.", "Lost, because something is between.", ""]);
  });

  test("spans cover the text they come from", () => {
    const text = "spnet 1\nexport block f(x: feat, c = 3) -> feat { return x |> subm(c, k=3) }\n";
    const [decl] = parse(text).unit.declarations;
    expect(text.slice(decl!.span.start, decl!.span.end)).toBe(text.split("\n")[1]);
    expect(text.slice(decl!.name.span.start, decl!.name.span.end)).toBe("f");
  });

  test("a byte order mark and carriage returns are blanks", () => {
    expect(parse("\uFEFFspnet 1\r\nconst A = 1\r\n").diagnostics).toEqual([]);
  });
});

describe("bad text", () => {
  test("a thousand levels of brackets are refused, not overflowed", () => {
    const deep = (n: number): string => `spnet 1\nconst A = ${"(".repeat(n)}1${")".repeat(n)}\n`;
    expect(parse(deep(90)).diagnostics).toEqual([]);
    expect(parse(deep(100_000)).diagnostics.map((d) => d.code)).toEqual(["SP0109"]);
    const ifs = `spnet 1\nconst A = ${"if true then 1 else ".repeat(5_000)}1\n`;
    expect(parse(ifs).diagnostics.map((d) => d.code)).toEqual(["SP0109"]);
    expect(parse(`spnet 1\nconst A = ${"-".repeat(50_000)}1\n`).diagnostics.map((d) => d.code)).toEqual(["SP0109"]);
    expect(parse(`spnet 1\nconst A = b${"[0]".repeat(50_000)}\n`).diagnostics.map((d) => d.code)).toEqual(["SP0109"]);
  });

  test("brackets that are never closed do not add up", () => {
    const statements = Array.from({ length: 150 }, (_, i) => `  let a${i} = (1 + ${i}`).join("\n");
    const { diagnostics } = parse(`spnet 1\nnet N {\n${statements}\n}\n`);
    expect(diagnostics.map((d) => d.code)).toEqual(Array.from({ length: 150 }, () => "SP0105"));
  });

  test("long chains and pipes are no depth", () => {
    const compile = (text: string) => compileSource("a.spnet", { readFile: () => text });
    expect(compile(`spnet 1\nconst A = 1${" + 1".repeat(20_000)}\n`).diagnostics).toEqual([]);
    const net = (body: string): string => `spnet 1\nnet N {\n  sites S : (x)\n  input x : feat[S, 1]\n  output y = ${body}\n}\n`;
    const { module } = compile(net(`x${" |> relu".repeat(5_000)}`));
    expect(module?.ops.filter((op) => op.name === "relu")).toHaveLength(5_000);
  });

  test("any sequence of tokens gives diagnostics, never an exception", () => {
    const samples = ["let", "x", "=", "(", ")", "{", "}", "[", "]", "|>", "net", "N", "block", "if", "then", "else", "for", "in", "0", "..", "4", '"a{x}"', '"a{', "+", ",", ":", "sites", "S", "input", "feat", "output", "spnet", "1", "import", "from", "-", "not", "return", "#", "'", "\n", "///", "1e5", "set", "+=", "dialect", "."];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...samples), { maxLength: 60 }), (words) => {
        const text = `spnet 1\n${words.join(" ")}`;
        const { diagnostics } = compileSource("a.spnet", { readFile: (path) => (path === "a.spnet" ? text : undefined) });
        for (const d of diagnostics) for (const { span } of d.labels) expect(span.start >= 0 && span.end <= text.length + 1 && span.start <= span.end).toBe(true);
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  test("any text gives diagnostics, never an exception", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => void parse(text)), { numRuns: 300, seed: 3 });
  });

  test("deleting one token of an example gives close to one message", () => {
    const folder = new URL("../../examples/", import.meta.url);
    const read = (name: string): string => readFileSync(new URL(name, folder), "utf8");
    for (const name of ["second.spnet", "minkunet.spnet", "rgbd.spnet"]) {
      const source = read(name);
      const counts: number[] = [];
      for (const token of spnetLexer.tokenize(source).tokens) {
        const mutant = source.slice(0, token.startOffset) + " ".repeat(token.image.length) + source.slice(token.startOffset + token.image.length);
        const { diagnostics } = compileSource(name, { readFile: (path) => (path === name ? mutant : readdirSync(folder).includes(path) ? read(path) : undefined) });
        counts.push(diagnostics.length);
      }
      const mistakes = counts.filter((n) => n > 0);
      expect(Math.max(...counts), name).toBeLessThanOrEqual(3);
      expect(mistakes.reduce((a, b) => a + b, 0) / mistakes.length, name).toBeLessThan(1.12);
    }
  });

  test("every token has a label for messages", () => {
    for (const token of tokens) expect(["Blank", "DocComment", "Comment"].includes(token.name) || token.LABEL !== undefined, token.name).toBe(true);
  });
});
