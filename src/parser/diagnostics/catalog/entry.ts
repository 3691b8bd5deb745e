import type { Severity } from "../diagnostic.ts";

/**
 * One diagnostic of the catalogue. `message` has holes in braces. `bad` shows it and is compiled by a test, which
 * demands exactly this code; `good` is the mended text, which must be free of it. Examples are statements of a net
 * unless they begin with `spnet 1`.
 */
export interface Entry {
  readonly severity: Severity;
  readonly message: string;
  /** Why it is so and what to do, in a few sentences of Markdown. */
  readonly explain: string;
  readonly bad?: string;
  readonly good?: string;
}

/** The names of the holes of a message. */
export type Holes<M extends string> = M extends `${string}{${infer Hole}}${infer Rest}` ? Hole | Holes<Rest> : never;
