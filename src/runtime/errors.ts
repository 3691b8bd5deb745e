/**
 * Everything that goes wrong at run time for a reason the caller can act on. `code` is stable; `details` holds the
 * figures of the message. SP05xx weights, SP06xx device and capacity, SP08xx input data.
 */
export class SpnetError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(`${code}: ${message}`);
    this.name = "SpnetError";
    this.code = code;
    this.details = details;
  }
}

/** Throws the signal's reason as an SpnetError when the caller has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SpnetError("SP0620", "aborted by the caller's signal", { reason: signal.reason });
}
