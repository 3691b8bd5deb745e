import type { WasmProgram } from "../codegen/plan/emit-module.ts";
import { openCpu } from "../runtime/cpu/open.ts";
import type { Args, OptionDefs } from "./command.ts";
import { execute, type ExecuteOptions, type Execution } from "./execute.ts";
import type { WeightLookup } from "./execute-reference.ts";
import type { SceneInputs } from "./files/scene.ts";

const LANES = ["auto", "wide", "plain"] as const;

export const CPU_OPTIONS: OptionDefs = {
  threads: { value: "N", doc: "CPU: worker threads, 0 for none (default: one per processor)" },
  lanes: { value: LANES.join("|"), doc: "CPU: 256-bit vectors where Node can join them (default), as Node was started, or 128-bit ones" },
};

export interface CpuOptions extends ExecuteOptions {
  readonly threads?: number;
  readonly lanes: (typeof LANES)[number];
  readonly onNotice: (line: string) => void;
}

/** A process of the command's own may set flags of the engine, hence `wide`. */
export function cpuOptions(args: Args): Pick<CpuOptions, "threads" | "lanes"> {
  const threads = args.wholeNumber("threads", 0);
  return { lanes: args.choice("lanes", LANES, "wide"), ...(threads === undefined ? {} : { threads }) };
}

/** Runs a program on the CPU. */
export async function executeWasm(program: WasmProgram, scene: SceneInputs, weights: WeightLookup, options: CpuOptions): Promise<Execution> {
  const { profile, ...opened } = options;
  return await execute(() => openCpu(program.plan, Uint8Array.from(program.code), { ...opened, weights }), scene, { profile });
}
