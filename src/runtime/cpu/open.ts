import type { CreateOptions } from "../api.ts";
import { SpnetError, throwIfAborted } from "../errors.ts";
import { packBlock, runLoadPhase } from "../load.ts";
import { chooseTarget } from "../target.ts";
import { weightLookup } from "../weights.ts";
import { Engine } from "./engine.ts";
import { chooseLanes, setJoining, wantedLanes, type Lanes } from "./lanes.ts";
import { knownAnswer } from "./known-answer.ts";
import { CpuNetwork } from "./network.ts";
import type { CpuPlan } from "./plan.ts";
import { availableThreads } from "./threads.ts";
import { unpack } from "./unpack.ts";
import { webAssembly, type WasmModule } from "./wasm.ts";

/** Threads that are started when none are asked for: more do not help networks of this size. */
const MOST_THREADS = 16;

/** Threads that are started where so many are asked for. SP0623. */
export function startedThreads(asked: number | undefined): number {
  const available = availableThreads();
  const wanted = asked ?? Math.min(MOST_THREADS, available);
  if (!Number.isInteger(wanted) || wanted < 0) throw new SpnetError("SP0623", `threads must be a whole number from 0 on, not ${String(asked)}`);
  return available === 0 ? 0 : wanted;
}

/**
 * Makes a network run on the CPU: compiles the module, given as it is or packed as `unpack` reads it, folds the weights into memory, starts the threads.
 * SP0605: no WebAssembly with SIMD and shared memory here.
 */
export async function openCpu<Inputs, Outputs>(plan: CpuPlan, code: string | Uint8Array<ArrayBuffer>, options: CreateOptions): Promise<CpuNetwork<Inputs, Outputs>> {
  chooseTarget(options, ["wasm"]);
  throwIfAborted(options.signal);
  const threads = startedThreads(options.threads);
  const asked = chooseLanes(wantedLanes(options.lanes));
  const bytes = typeof code === "string" ? await unpack(code) : code;
  let lanes: Lanes = asked;
  let module = await compile(bytes);
  let engine = new Engine(module, { lanes, threads, scratch: plan.scratch, heap: plan.heap });
  // With `auto` no flag of the process is set, not even for the check.
  if (lanes === "wide" && !knownAnswer(engine, plan, options.lanes === "wide")) {
    setJoining(false);
    lanes = "plain";
    module = await compile(bytes);
    engine = new Engine(module, { lanes, threads, scratch: plan.scratch, heap: plan.heap });
    notice(options, "joined lanes gave another result than single ones here, so they are not used", plan.name);
  }
  options.onProgress?.({ phase: "compile", done: 1, total: 1 });
  try {
    throwIfAborted(options.signal);
    const started = engine.warm();
    // Whatever fails before it is awaited ends the threads too: that is no second failure.
    started.catch(() => undefined);
    const values = runLoadPhase(plan.load, weightLookup(options.weights));
    const params = plan.blocks.map((block) => {
      const at = engine.heap.alloc(4 * block.floats, "parameters");
      engine.heap.f32(at, block.floats).set(packBlock(block, values));
      return at;
    });
    options.onProgress?.({ phase: "weights", done: 1, total: 1 });
    await started;
    throwIfAborted(options.signal);
    const words = `${threads === 0 ? "the calling thread" : threads === 1 ? "1 thread" : `${threads} threads`}, ${lanes} lanes`;
    if (availableThreads() === 0 && options.threads !== 0) notice(options, "no memory can be shared with workers here, so one thread computes", plan.name);
    return new CpuNetwork<Inputs, Outputs>(plan, engine, params, options.duplicates ?? "error", `CPU, WebAssembly, ${words}`);
  } catch (cause) {
    engine.dispose();
    throw cause;
  }
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule> {
  if (webAssembly === undefined) throw new SpnetError("SP0605", "there is no WebAssembly here");
  try {
    return await webAssembly.compile(bytes);
  } catch (cause) {
    throw new SpnetError("SP0605", `this platform cannot compile the network: ${String(cause)}; it needs WebAssembly with SIMD and threads, and with relaxed SIMD where it was compiled for fused arithmetic`);
  }
}

/** One line for a person: to the caller's function, else to the console with the network's name. */
export function notice(options: CreateOptions, line: string, name: string): void {
  if (options.onNotice !== undefined) options.onNotice(line);
  else (globalThis as unknown as { readonly console?: { info(line: string): void } }).console?.info(`spnet: ${name}: ${line}`);
}
