import { expect, test } from "vitest";
import { toJson } from "../../src/parser/diagnostics/render-json.ts";
import { renderText } from "../../src/parser/diagnostics/render-text.ts";
import { compileText } from "./support.ts";

const blocks = "spnet 1\nexport block half(x: feat) -> feat {\n  return x |> conv(8, k=3, s=2)\n}\n";

function render(source: string | Readonly<Record<string, string>>, color = false): string {
  const { diagnostics, files } = compileText(source);
  return renderText(diagnostics, files, { color });
}

test("sites that differ: operator, both sides, and where each was made", () => {
  const text = render("spnet 1\nnet N {\n  sites S : (z, y, x)\n  input x : feat[S, 8]\n  let skip = x |> conv(8, k=2, s=2)\n  output y = x + skip\n}\n");
  expect(text).toBe(`error[SP0401]: \`+\` needs all its values on the same sites
 --> main.spnet:6:16
  |
4 |   input x : feat[S, 8]
  |         - made here, on S
5 |   let skip = x |> conv(8, k=2, s=2)
  |                   ---- made here, on S/2
6 |   output y = x + skip
  |                ^ not the same sites
  |              - this is on S
  |                  ---- this is on S/2
  = note: S/2 is S, then floor(c / 2)
  = help: bring one over first: \`conv\` leads to coarser sites, \`up\` back to finer ones

1 error
`);
});

test("a mistake in an imported block shows the call that led there", () => {
  const main = 'spnet 1\nimport { half } from "./blocks.spnet"\nnet N {\n  sites S : (z, y, x)\n  input x : feat[S, 8]\n  output y = x |> half\n}\n';
  expect(render({ "main.spnet": main, "blocks.spnet": blocks })).toBe(`error[SP0403]: \`conv\` can mean two things here: choose its sites
 --> blocks.spnet:3:15
  |
3 |   return x |> conv(8, k=3, s=2)
  |               ^^^^ which sites?
 ::: main.spnet:6:19
  |
6 |   output y = x |> half
  |                   ---- in the block called here
  = note: spconv and SparseConvNet: every output that an active input reaches; there can be more than inputs (\`sites=reach\`)
  = note: MinkowskiEngine: \`floor(c / s)\`; never more sites than inputs (\`sites=floor\`)
  = help: write \`sites=reach\` or \`sites=floor\`, or begin the net with \`dialect spconv\` or \`dialect minkowski\`

1 error
`);
});

test("tabs, long lines and control characters of a file do not spoil the picture", () => {
  const text = render(`spnet 1\nnet N {\n\tsites S : (x)\n\tinput x : feat[S, 8]\n\tlet t = "${"a".repeat(300)}" + \u001b[31m3\n}\n`);
  expect(text).not.toMatch(/\u001b/);
  expect(text).toContain("\ufffd");
  for (const line of text.split("\n")) expect(line.length).toBeLessThan(220);
  const lines = text.split("\n");
  const caret = lines.findIndex((l) => l.includes("^"));
  expect(lines[caret - 1]![lines[caret]!.indexOf("^")]).toBe("\ufffd");
});

test("colours only when asked for", () => {
  const bad = "spnet 1\nconst a = b\n";
  expect(render(bad)).not.toContain("\u001b[");
  expect(render(bad, true)).toContain("\u001b[1;31merror[SP0201]\u001b[0m");
});

test("JSON has resolved places and the edits of the fix", () => {
  const { diagnostics, files } = compileText("spnet 1\nconst depth = 3\nconst a = dept\n");
  expect(toJson(diagnostics, files)).toEqual([
    {
      code: "SP0201",
      severity: "error",
      message: "unknown name `dept`",
      labels: [{ file: "main.spnet", start: { line: 3, column: 11, offset: 34 }, end: { line: 3, column: 15, offset: 38 }, text: "not defined here" }],
      notes: [],
      help: { text: "did you mean `depth`?", edits: [{ file: "main.spnet", start: { line: 3, column: 11, offset: 34 }, end: { line: 3, column: 15, offset: 38 }, text: "depth" }] },
    },
  ]);
});

test("warnings are counted apart", () => {
  expect(render("spnet 1\nnet N {\n  sites S : (x)\n  input x : feat[S, 8]\n  let unused = x\n  output y = x\n}\n")).toMatch(/^warning\[SP0701\][^]*\n1 warning\n$/);
});
