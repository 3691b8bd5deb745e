import type { Loc } from "../ir/loc.ts";
import type { StepReport } from "../passes/instrument/instrument.ts";
import type { Remark } from "../passes/pass.ts";
import type { Args } from "./command.ts";
import type { Io } from "./io.ts";

/** What `--remarks` and `--stats` show, on the error stream. */
export function reportPasses(steps: readonly StepReport[], args: Args, io: Io): void {
  if (args.flag("remarks")) reportRemarks(steps.flatMap((step) => step.remarks), io);
  if (args.flag("stats")) {
    for (const { pass, changed, stats, ms } of steps) {
      const counters = Object.entries(stats).map(([name, n]) => `${name} ${n}`);
      io.err(`${pass.padEnd(22)} ${(ms ?? 0).toFixed(2).padStart(8)} ms  ${changed ? counters.join(", ") : "(unchanged)"}\n`);
    }
  }
}

/** Remarks, each at its place. */
export function reportRemarks(remarks: readonly Remark[], io: Io): void {
  for (const { pass, kind, loc, text } of remarks) io.err(`${place(loc)}: ${pass} ${kind === "done" ? "did" : "left"}: ${text}\n`);
}

/** The first place, as editors find it: a remark about merged ops is read where the merged one stands. */
function place([first]: Loc): string {
  return first === undefined ? "-" : `${first.file}:${first.line}:${first.column}`;
}
