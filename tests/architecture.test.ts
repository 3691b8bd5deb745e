/** The rules that keep the parts apart, checked over the sources themselves. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
  /** Loaded when a call gets there, if ever. */
  readonly dynamic: boolean;
}

interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

const FOLDERS = ["grammar", "src", "tests", "bench", "scripts"];

function walk(path: string): readonly string[] {
  return readdirSync(path).flatMap((name) => {
    const inner = join(path, name);
    return statSync(inner).isDirectory() ? (name === "node_modules" ? [] : walk(inner)) : [inner];
  });
}

function readSource(path: string): Source {
  const text = readFileSync(path, "utf8");
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const imports: Import[] = [];
  visit(tree, (node) => {
    const declared = ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node.moduleSpecifier : undefined;
    const called = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined;
    const specifier = declared ?? called;
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const typeOnly = ts.isImportDeclaration(node) ? node.importClause?.isTypeOnly === true : ts.isExportDeclaration(node) && node.isTypeOnly;
    imports.push({ target: specifier.text.startsWith(".") ? normalize(join(dirname(path), specifier.text)) : specifier.text, typeOnly, dynamic: declared === undefined });
  });
  return { path, text, tree, imports };
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

const sources = FOLDERS.flatMap(walk).filter((path) => path.endsWith(".ts")).map(readSource);
const inside = (folder: string): readonly Source[] => sources.filter((s) => s.path.startsWith(`${folder}/`));

/** `path:line` of a node. */
const place = (source: Source, node: ts.Node): string => `${source.path}:${source.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;

/** What each part may import of the project, besides itself. Everything else is another part's business. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  grammar: [],
  "src/parser": ["grammar"],
  "src/ir": ["grammar", "src/parser"],
  "src/passes": ["src/parser", "src/ir"],
  "src/codegen": ["src/parser", "src/ir", "src/passes", "src/runtime"],
  "src/runtime": [],
  "src/cli": ["src/parser", "src/ir", "src/passes", "src/codegen", "src/runtime", "src/index.ts"],
};

/** Packages by part; Node's own modules count as packages. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  grammar: /^chevrotain$/,
  "src/parser": /^chevrotain$/,
  "src/ir": /^chevrotain$/,
  "src/passes": /^$/,
  "src/codegen": /^(wabt|fflate)$/,
  "src/runtime": /^$/,
  "src/cli": /^(node:.+|webgpu|laz-perf|pngjs)$/,
};

/** Writes files made from the grammar; a tool that happens to live beside it. */
const GRAMMAR_TOOL = /^grammar\/generate/;

describe("parts", () => {
  for (const [part, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${part} imports only ${allowed.length === 0 ? "itself" : allowed.join(", ")}`, () => {
      const files = inside(part).filter((s) => !GRAMMAR_TOOL.test(s.path));
      const strays = files.flatMap((s) => s.imports.filter(({ target }) => !permitted(part, allowed, target)).map(({ target }) => `${s.path} imports ${target}`));
      expect(files.length).toBeGreaterThan(0);
      expect(strays).toEqual([]);
    });
  }

  function permitted(part: string, allowed: readonly string[], target: string): boolean {
    const local = sources.some((s) => s.path === target);
    if (!local) return PACKAGES[part]!.test(target);
    return [part, ...allowed].some((folder) => target === folder || target.startsWith(`${folder}/`));
  }

  test("files of different folders do not need each other in a circle", () => {
    const bySource = new Map(sources.map((s) => [s.path, s]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const follow = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path);
      const circle = trail.slice(at);
      if (at >= 0 && new Set(circle.map(dirname)).size > 1) cycles.push([...circle, path].join(" → "));
      if (at >= 0 || done.has(path)) return;
      for (const { target, typeOnly } of bySource.get(path)?.imports ?? []) if (!typeOnly && bySource.has(target)) follow(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of inside("src")) follow(path, []);
    expect(cycles).toEqual([]);
  });
});

describe("what the CPU target loads", () => {
  const bySource = new Map(sources.map((s) => [s.path, s]));
  const loaded = (from: readonly string[]): ReadonlySet<string> => {
    const reached = new Set<string>();
    const follow = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const { target, typeOnly, dynamic } of bySource.get(path)?.imports ?? []) if (!typeOnly && !dynamic) follow(target);
    };
    from.forEach(follow);
    return reached;
  };

  test("the commands load nothing of WebGPU before it is asked for", () => {
    const reached = loaded(["src/cli/main.ts", "src/cli/commands/run.ts", "src/cli/demo.ts", "src/codegen/wasm/program.ts", "src/codegen/wasm/assemble.ts"]);
    expect(reached.has("src/runtime/cpu/open.ts")).toBe(true);
    const webgpu = ["webgpu", "src/cli/adapter.ts", "src/cli/vulkan.ts", "src/runtime/network.ts", "src/runtime/gpu-context.ts", "src/codegen/plan/program.ts", "src/codegen/wgsl/kernels/index.ts"];
    expect(webgpu.filter((path) => reached.has(path))).toEqual([]);
  });

  test("so does a module for the CPU alone", () => {
    expect([...loaded(["src/runtime/cpu/open.ts"])].filter((path) => /gpu|device|features|scene-memory|runtime\/network/.test(path))).toEqual([]);
  });
});

describe("the core is pure", () => {
  const core = ["grammar", "src/parser", "src/ir", "src/passes", "src/codegen"].flatMap(inside).filter((s) => !GRAMMAR_TOOL.test(s.path));
  const IMPURE = new Set(["process", "console", "Date", "performance", "navigator", "fetch", "setTimeout", "setInterval", "crypto", "require", "globalThis"]);

  test("it reads no clock, no randomness, no environment", () => {
    const uses: string[] = [];
    for (const source of core) {
      const own = new Set<string>();
      visit(source.tree, (node) => {
        if ((ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isFunctionDeclaration(node) || ts.isBindingElement(node)) && node.name !== undefined) own.add(node.name.getText());
      });
      visit(source.tree, (node) => {
        if (ts.isIdentifier(node) && IMPURE.has(node.text) && !own.has(node.text) && isReference(node)) uses.push(`${place(source, node)} uses ${node.text}`);
        if (ts.isPropertyAccessExpression(node) && node.getText() === "Math.random") uses.push(`${place(source, node)} uses Math.random`);
      });
    }
    expect(uses).toEqual([]);
  });

  /** A name that stands for the global, not a member or property of that name. */
  function isReference(node: ts.Identifier): boolean {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
    return !(ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent) || ts.isPropertyDeclaration(parent)) || parent.name !== node;
  }
});

describe("house rules", () => {
  const written = sources.filter((s) => !/[/.]generated[/.]/.test(s.path));

  test("no file is longer than 500 lines", () => {
    expect(written.filter((s) => s.text.split("\n").length > 501).map((s) => s.path)).toEqual([]);
  });

  test("nothing is typed any, and no check is switched off", () => {
    const found: string[] = [];
    for (const source of written) {
      visit(source.tree, (node) => {
        if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${place(source, node)} any`);
      });
      if (new RegExp("@ts-" + "(ignore|nocheck)").test(source.text)) found.push(`${source.path} switches a check off`);
    }
    expect(found).toEqual([]);
  });

  test("no test is skipped or left for later", () => {
    const later = new RegExp("\\b(test|it|describe)\\." + "(skip|only|todo|fails)\\b|\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");
    expect(written.filter((s) => later.test(s.text)).map((s) => s.path)).toEqual([]);
  });

  test("links in the documents lead somewhere", () => {
    const documents = walk("docs").concat(readdirSync(".")).filter((path) => path.endsWith(".md"));
    const dead = documents.flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].filter((m) => !existsSync(join(dirname(path), m[1]!))).map((m) => `${path} → ${m[1]}`),
    );
    expect(dead).toEqual([]);
  });

  test("no path of a machine is written down", () => {
    const files = [...FOLDERS, "docs", "examples"].flatMap(walk).concat(readdirSync(".").filter((name) => /\.(md|json|ts)$/.test(name) && name !== "package-lock.json"));
    const machine = new RegExp("(^|[\\s\"'`(=])/(" + ["work", "tmp", "home", "root", "Users"].join("|") + ")/");
    expect(files.filter((path) => machine.test(readFileSync(path, "utf8")))).toEqual([]);
  });
});
