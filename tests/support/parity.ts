import { appendFileSync } from "node:fs";
import type { Coverage } from "../../scripts/coverage.ts";
import type { Parity } from "../../scripts/parity.ts";

/** Adds a line to the file that `npm run parity` makes docs/PARITY.md of; without one, nothing. */
export const recordParity = (entry: Parity): void => record("SPNET_PARITY", entry);

/** Adds a line to the file that `npm run coverage` makes docs/COVERAGE.md of; without one, nothing. */
export const recordCoverage = (entry: Coverage): void => record("SPNET_COVERAGE", entry);

function record(variable: string, entry: Parity | Coverage): void {
  const file = process.env[variable];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
}
