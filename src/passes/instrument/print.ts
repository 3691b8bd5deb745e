import { printModule } from "../../ir/print.ts";
import type { Instrument } from "./instrument.ts";

/** Pass names, or all of them. */
export type Which = "all" | readonly string[];

export interface PrintOptions {
  readonly before?: Which;
  readonly after?: Which;
  /** After a pass that changed nothing say so instead of printing the module again. */
  readonly onlyChanged?: boolean;
  write(text: string): void;
}

/** Prints the module before or after chosen passes, each under a comment that says where it is in the pipeline. */
export function printing({ before = [], after = [], onlyChanged = false, write }: PrintOptions): Instrument {
  const chosen = (which: Which, name: string): boolean => which === "all" || which.includes(name);
  return {
    beforePass({ step }, module) {
      if (chosen(before, step.pass.name)) write(`// before ${step.pass.name}\n${printModule(module)}`);
    },
    afterPass({ step }, from, to) {
      if (!chosen(after, step.pass.name)) return;
      if (from === to && onlyChanged) write(`// after ${step.pass.name} (unchanged)\n`);
      else write(`// after ${step.pass.name}\n${printModule(to)}`);
    },
  };
}
