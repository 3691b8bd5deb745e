import type { Span } from "../span.ts";

export type LocalKind = "let" | "var" | "parameter" | "input" | "sites" | "loop";

export interface Local {
  readonly kind: LocalKind;
  readonly name: string;
  readonly span: Span;
  used: boolean;
}

/** Names of a net or block as far as they are known before running it. */
export class LocalScope {
  readonly #parent: LocalScope | undefined;
  readonly #names = new Map<string, Local>();

  constructor(parent?: LocalScope) {
    this.#parent = parent;
  }

  find(name: string): Local | undefined {
    return this.#names.get(name) ?? this.#parent?.find(name);
  }

  /** Adds a name; returns the earlier definition when there is one in this net or block. */
  define(kind: LocalKind, name: string, span: Span): Local | undefined {
    const known = this.find(name);
    if (known === undefined) this.#names.set(name, { kind, name, span, used: false });
    return known;
  }

  /** All names visible here, for suggestions. */
  names(): readonly string[] {
    return [...this.#names.keys(), ...(this.#parent?.names() ?? [])];
  }

  locals(): Iterable<Local> {
    return this.#names.values();
  }
}
