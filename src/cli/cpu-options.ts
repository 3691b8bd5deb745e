import type { Args, OptionDefs } from "./command.ts";
import { UsageError } from "./errors.ts";

/** Says which option of the CPU's would have no effect on another target. */
export function refuseCpuOptions(args: Args, options: OptionDefs, target: string): void {
  const idle = Object.keys(options).find((name) => args.text(name) !== undefined);
  if (idle !== undefined) throw new UsageError(`--${idle} is an option of the CPU's, and the target is ${target}: leave it out, or choose --target wasm`);
}
