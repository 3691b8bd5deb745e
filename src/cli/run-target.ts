/** Where a command runs a network when it is not told: on a GPU if there is one, else on the CPU. */
import type { Args } from "./command.ts";
import type { Io } from "./io.ts";
import { mayHaveGpu } from "./hardware.ts";

export type RunTarget = "webgpu" | "wasm";

/**
 * The target of a command line, or the exit status of the process that ran in place of this one. A GPU is looked for
 * only where the machine shows signs of one: else nothing of WebGPU is loaded. Software drivers run when asked for only.
 */
export async function chooseRunTarget<Other extends string>(args: Args, io: Io, others: readonly Other[] = []): Promise<RunTarget | Other | number> {
  const asked = args.text("target") === undefined ? undefined : args.choice("target", ["webgpu", "wasm", ...others], "webgpu");
  if (asked === "webgpu" || (asked === undefined && mayHaveGpu())) {
    const { findsHardware, restartWithVulkan } = await import("./adapter.ts");
    const restarted = await restartWithVulkan();
    if (restarted !== undefined) return restarted;
    if (asked === "webgpu" || (await findsHardware())) return "webgpu";
  }
  if (asked === undefined) io.err("no GPU here, so the CPU runs it; --target webgpu takes a software adapter\n");
  return asked ?? "wasm";
}
