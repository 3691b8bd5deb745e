import { appendFileSync } from "node:fs";

/** How far a run of one fixture was from what another system, or an independent computation, gave. */
export interface Parity {
  readonly folder: string;
  readonly file: string;
  readonly target: string;
  /** The largest difference, of the largest value where `relative`. */
  readonly error: number;
  readonly tolerance: number;
  readonly relative: boolean;
}

/** Adds a line to the file that `npm run parity` makes docs/PARITY.md of; without one, nothing. */
export function recordParity(entry: Parity): void {
  const file = process.env["SPNET_PARITY"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
}
