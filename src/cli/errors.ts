import type { Diagnostic } from "../parser/diagnostics/diagnostic.ts";

/** A mistake in what the user gave (files, options, data), as one coded diagnostic. The command prints it and exits with 1. */
export class InputError extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(`${diagnostic.code}: ${diagnostic.message}`);
    this.diagnostic = diagnostic;
  }
}

/** An `InputError` about data rather than about a place in a source file. */
export function inputError(code: string, message: string, extra: { readonly notes?: readonly string[]; readonly help?: string } = {}): InputError {
  return new InputError({
    code,
    severity: "error",
    message,
    labels: [],
    ...(extra.notes === undefined ? {} : { notes: extra.notes }),
    ...(extra.help === undefined ? {} : { help: { text: extra.help } }),
  });
}

/** A wrong command line: printed with a pointer to `--help`, exit status 2. */
export class UsageError extends Error {}

/**
 * No device can be had. SP0601: the npm package `webgpu` is missing or does not load; SP0602: no adapter, or not the
 * one asked for; SP0603: the adapter lacks a limit or feature.
 */
export class AdapterError extends Error {
  readonly code: "SP0601" | "SP0602" | "SP0603";

  constructor(code: AdapterError["code"], message: string) {
    super(message);
    this.name = "AdapterError";
    this.code = code;
  }
}
