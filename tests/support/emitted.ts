import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { buildCpuProgram, lowerToCpuPlan } from "../../src/codegen/wasm/program.ts";
import { emitModule, type EmittedModule, type Program, type WasmProgram } from "../../src/codegen/plan/emit-module.ts";
import { lowerToPlan } from "../../src/codegen/plan/lower.ts";
import { buildProgram } from "../../src/codegen/plan/program.ts";
import type { Module } from "../../src/ir/module.ts";
import { openGpu } from "./gpu.ts";
import { fuse, pipelines } from "./plan-runs.ts";

/** A folder for emitted modules and a device, from the first test of the file to the last. */
export function useModules(): { readonly folder: string; readonly device: GPUDevice } {
  const folder = mkdtempSync(join(tmpdir(), "spnet-emitted-"));
  let gpu: Awaited<ReturnType<typeof openGpu>> | undefined;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => {
    gpu?.close();
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    get device() {
      return gpu!.device;
    },
  };
}

const fused = (net: Module): Module => fuse(net, pipelines[2]![1]);

/** The WebGPU program of a net under the standard pipeline. */
export const programOf = (net: Module): Program => buildProgram(lowerToPlan(fused(net)));

/** The CPU's. */
export async function wasmProgramOf(net: Module): Promise<WasmProgram> {
  const { plan, wat } = buildCpuProgram(lowerToCpuPlan(fused(net)));
  return { plan, code: await assembleWat(wat) };
}

/** The module of a net for WebGPU alone, for the CPU alone, or for both. */
export async function emit(net: Module, targets: "webgpu" | "wasm" | "both", source = "test.spnet"): Promise<EmittedModule> {
  return emitModule(
    { source, ...(targets === "wasm" ? {} : { webgpu: programOf(net) }), ...(targets === "webgpu" ? {} : { wasm: await wasmProgramOf(net) }) },
    "0.0.0",
  );
}

/** A small network with every kind of step: strided, inverse, cat, pools, dense and linear. */
export const SMALL = `spnet 1
export net Small {
  dialect spconv
  sites S : (z: 9, y: 17, x: 21)
  input a : feat[S, 3]
  let x = a |> subm(8, k=3, w="c0") |> bn(w="b0") |> relu
  let y = x |> conv(12, k=3, s=2, p=1, w="c1") |> relu |> subm(12, k=3, w="c2")
  let z = y |> up(8, w="c3")
  output fine = cat(z, x) |> subm(4, k=3, w="c4")
  output bev = y |> to_dense(fold="z")
  output score = y |> global_avg_pool |> linear(5, bias=true, w="fc")
}
`;
