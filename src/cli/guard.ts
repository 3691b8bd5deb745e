import { PassFailure } from "../passes/manager.ts";
import { SpnetError } from "../runtime/errors.ts";
import { AdapterError, inputError, InputError, UsageError } from "./errors.ts";
import type { Io } from "./io.ts";
import { reportDiagnostics } from "./report.ts";

/** Runs a command and shows what goes wrong as one coded message. */
export async function guarded(io: Io, helpWith: string, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`spnet: ${error.message}\n${helpWith} lists the options\n`);
      return 2;
    }
    const mistake = asInputError(error);
    if (mistake !== undefined) {
      reportDiagnostics([mistake.diagnostic], new Map(), io);
      return 1;
    }
    io.err(`error[SP0900]: this is a fault of spnet, not of your files\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    if (error instanceof PassFailure) io.err(`it can be seen again with:\n${error.reproducer}`);
    return 70;
  }
}

function asInputError(error: unknown): InputError | undefined {
  if (error instanceof InputError) return error;
  if (error instanceof SpnetError) return inputError(error.code, error.message.slice(error.code.length + 2));
  return error instanceof AdapterError ? inputError(error.code, error.message) : undefined;
}
