import type { Span } from "../span.ts";

export type Severity = "error" | "warning";

/** A place in the source with what it has to say. The first label of a diagnostic is the primary one. */
export interface Label {
  readonly span: Span;
  readonly text: string;
}

/** A textual replacement that would mend the mistake. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** One mistake, one diagnostic: coded, placed, with the second place that explains it and a fix where one exists. */
export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly labels: readonly Label[];
  readonly notes?: readonly string[];
  readonly help?: { readonly text: string; readonly edits?: readonly Edit[] };
}

/** Collects diagnostics in the order found; nothing is thrown for a mistake of the user's. */
export class DiagnosticSink {
  readonly #list: Diagnostic[] = [];

  report(diagnostic: Diagnostic): void {
    this.#list.push(diagnostic);
  }

  get list(): readonly Diagnostic[] {
    return this.#list;
  }

  get hasErrors(): boolean {
    return this.#list.some((d) => d.severity === "error");
  }
}
