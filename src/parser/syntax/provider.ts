import type { IParserErrorMessageProvider, TokenType } from "chevrotain";

/** What the parser knows at a syntax mistake. Wording is decided later, when the tokens around are at hand. */
export interface Expectation {
  readonly rule: string;
  /** Token names that would have been right; empty when an alternative of the rule was expected. */
  readonly expected: readonly string[];
}

/** Passes facts through chevrotain's message strings. */
export const expectationProvider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) => pack({ rule: ruleName, expected: [expected.name] }),
  buildNotAllInputParsedMessage: ({ ruleName }) => pack({ rule: ruleName, expected: ["EOF"] }),
  buildNoViableAltMessage: ({ expectedPathsPerAlt, ruleName }) => pack({ rule: ruleName, expected: firsts(expectedPathsPerAlt.flat()) }),
  buildEarlyExitMessage: ({ expectedIterationPaths, ruleName }) => pack({ rule: ruleName, expected: firsts(expectedIterationPaths) }),
};

function firsts(paths: readonly (readonly TokenType[])[]): readonly string[] {
  return [...new Set(paths.map((path) => path[0]?.name).filter((name) => name !== undefined))];
}

const pack = (e: Expectation): string => JSON.stringify(e);

export const unpack = (message: string): Expectation => JSON.parse(message) as Expectation;
