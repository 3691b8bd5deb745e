import { appendFileSync } from "node:fs";
import type { Parity } from "../../scripts/parity.ts";

/** Adds a line to the file that `npm run parity` makes docs/PARITY.md of; without one, nothing. */
export function recordParity(entry: Parity): void {
  const file = process.env["SPNET_PARITY"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
}
