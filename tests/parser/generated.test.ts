import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { generateGrammarFiles } from "../../grammar/generate.ts";
import { SpnetParser } from "../../grammar/spnet.ts";
import { makeLexer } from "../../grammar/tokens.ts";
import { expectationProvider } from "../../src/parser/syntax/provider.ts";

test("the parser library finds no mistake in the grammar and its tokens", () => {
  expect(makeLexer(true).lexerDefinitionErrors).toEqual([]);
  expect(() => new SpnetParser({ errorMessageProvider: expectationProvider, validate: true })).not.toThrow();
});

describe("files made from the grammar are fresh (npm run generate)", () => {
  const files = generateGrammarFiles();
  test.each([...files.keys()])("grammar/generated/%s", (name) => {
    expect(readFileSync(new URL(`../../grammar/generated/${name}`, import.meta.url), "utf8")).toBe(files.get(name));
  });

  test("none of them needs the network", () => {
    for (const text of files.values()) expect(text).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });
});
