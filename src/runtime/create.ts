import type { CreateOptions, Network } from "./api.ts";
import { notice, openCpu } from "./cpu/open.ts";
import type { CpuPlan } from "./cpu/plan.ts";
import { SpnetError } from "./errors.ts";
import { openWebgpu } from "./network.ts";
import type { Plan } from "./plan.ts";
import { chooseTarget, type Target } from "./target.ts";

/** What a network was compiled to; at least one of both. */
export interface Targets {
  readonly webgpu?: { readonly plan: Plan; readonly kernels: Readonly<Record<string, string>> };
  /** `code`: the WebAssembly module, as bytes or packed as emitted modules have it. */
  readonly wasm?: { readonly plan: CpuPlan; readonly code: string | Uint8Array<ArrayBuffer> };
}

/** Codes that mean: no GPU here. */
const NO_GPU: readonly string[] = ["SP0601", "SP0602"];

/**
 * Makes a network run where `options.target` says. By default on a GPU, and where none can be had on the CPU, which one
 * line tells. SP0624 when the network was not compiled for what is asked.
 */
export async function openNetwork<Inputs, Outputs>(targets: Targets, options: CreateOptions): Promise<Network<Inputs, Outputs>> {
  const { webgpu, wasm } = targets;
  const has = [...(webgpu === undefined ? [] : (["webgpu"] as const)), ...(wasm === undefined ? [] : (["wasm"] as const))];
  const target: Target | undefined = chooseTarget(options, has);
  if (target === "webgpu") return await openWebgpu<Inputs, Outputs>(webgpu!.plan, webgpu!.kernels, options, false);
  if (target === "wasm") return await openCpu<Inputs, Outputs>(wasm!.plan, wasm!.code, options);
  let why: SpnetError;
  try {
    return await openWebgpu<Inputs, Outputs>(webgpu!.plan, webgpu!.kernels, options, true);
  } catch (cause) {
    if (!(cause instanceof SpnetError) || !NO_GPU.includes(cause.code)) throw cause;
    why = cause;
  }
  const more: string[] = [];
  const network = await openCpu<Inputs, Outputs>(wasm!.plan, wasm!.code, { ...options, onNotice: (line) => void more.push(line) });
  notice(options, [`no GPU (${why.code}), so it runs on ${network.adapter}`, ...more].join("; "), wasm!.plan.name);
  return network;
}
