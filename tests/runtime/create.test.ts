import { afterEach, describe, expect, it, vi } from "vitest";
import { openNetwork, type CreateOptions, type Targets } from "../../src/runtime/index.ts";
import { programOf, wasmProgramOf } from "../support/emitted.ts";
import type { AnyNetwork } from "../support/network-runs.ts";
import { cloud, netFromText } from "../support/source-net.ts";

const net = netFromText(`spnet 1
export net Tiny {
  sites S : (y: 9, x: 9)
  input a : feat[S, 3]
  output b = a |> subm(4, k=3, w="c") |> relu
}
`);
const program = programOf(net.module);
const webgpu = { plan: program.plan, kernels: Object.fromEntries(program.kernels.map((k) => [k.name, k.code])) };
const { plan, code } = await wasmProgramOf(net.module);
const wasm = { plan, code: Uint8Array.from(code) };

/** Counts what is asked of it; has no adapter, or one with this information. */
function fakeGpu(info?: Partial<GPUAdapterInfo>): { readonly gpu: GPU; asked: number } {
  const state = { asked: 0, gpu: undefined as unknown as GPU };
  state.gpu = {
    requestAdapter: () => {
      state.asked++;
      return Promise.resolve(info === undefined ? null : { info, limits: {}, features: new Set(), requestDevice: () => Promise.reject(new Error("the adapter refuses")) });
    },
  } as unknown as GPU;
  return state;
}

function open(targets: Targets, options: Partial<CreateOptions> = {}): Promise<AnyNetwork> {
  return openNetwork(targets, { weights: net.weights, threads: 0, ...options });
}

afterEach(() => vi.restoreAllMocks());

describe("where a network runs", () => {
  it("falls back to the CPU in one line, reading the weights once", async () => {
    const lines: string[] = [];
    let reads = 0;
    const weights = (name: string): ReturnType<typeof net.weights> => (reads++, net.weights(name));
    const network = await open({ webgpu, wasm }, { weights, gpu: fakeGpu().gpu, onNotice: (line) => void lines.push(line) });
    expect(lines).toEqual(["no GPU (SP0602), so it runs on CPU, WebAssembly, the calling thread, plain lanes"]);
    expect([network.target, reads]).toEqual(["wasm", 1]);
    const { coords, features } = cloud(1, 20, 1, [9, 9], 3);
    expect((await network.run({ a: { coords, features } }))["b"]).toMatchObject({ rows: 20, channels: 4 });
    network.dispose();
  });

  it("tells the console where nobody listens", async () => {
    const info = vi.spyOn(console, "info").mockImplementation(() => undefined);
    (await open({ webgpu, wasm }, { gpu: fakeGpu().gpu })).dispose();
    expect(info.mock.calls).toEqual([[expect.stringMatching(/^spnet: Tiny: no GPU \(SP0602\), so it runs on CPU/)]]);
  });

  it("takes no software adapter for a GPU, unless WebGPU is asked for", async () => {
    for (const info of [{ isFallbackAdapter: true }, { isFallbackAdapter: false, description: "llvmpipe (LLVM 15)" }]) {
      const network = await open({ webgpu, wasm }, { gpu: fakeGpu(info).gpu, onNotice: () => undefined });
      expect(network.target).toBe("wasm");
      network.dispose();
      await expect(open({ webgpu, wasm }, { gpu: fakeGpu(info).gpu, target: "webgpu" })).rejects.toThrow("the adapter refuses");
    }
  });

  it("does not hide what is wrong with a GPU that is there", async () => {
    await expect(open({ webgpu, wasm }, { gpu: fakeGpu({ description: "a GPU" }).gpu })).rejects.toThrow("the adapter refuses");
  });

  it("asks for no GPU where the CPU is asked for, or all there is", async () => {
    const fake = fakeGpu();
    const lines: string[] = [];
    for (const [targets, target] of [[{ webgpu, wasm }, "wasm"], [{ wasm }, undefined]] as const) {
      (await open(targets, { gpu: fake.gpu, ...(target === undefined ? {} : { target }), onNotice: (line) => void lines.push(line) })).dispose();
    }
    expect([fake.asked, lines]).toEqual([0, []]);
  });

  it("refuses without an adapter what only WebGPU can do", async () => {
    for (const [targets, target] of [[{ webgpu, wasm }, "webgpu"], [{ webgpu }, undefined]] as const) {
      await expect(open(targets, { gpu: fakeGpu().gpu, ...(target === undefined ? {} : { target }) })).rejects.toMatchObject({ code: "SP0602" });
    }
  });

  it("refuses a target that the module does not have, also when a device asks for it: SP0624", async () => {
    await expect(open({ wasm }, { target: "webgpu" })).rejects.toMatchObject({ code: "SP0624", details: { target: "webgpu", has: ["wasm"] } });
    await expect(open({ webgpu }, { target: "wasm" })).rejects.toMatchObject({ code: "SP0624" });
    await expect(open({ wasm }, { device: {} as GPUDevice })).rejects.toMatchObject({ code: "SP0624", message: expect.stringContaining("device was given") });
    await expect(open({ webgpu, wasm }, { target: "tpu" as "wasm" })).rejects.toMatchObject({ code: "SP0624" });
  });

  it("stops by the caller's signal before anything is opened", async () => {
    const fake = fakeGpu();
    await expect(open({ webgpu, wasm }, { gpu: fake.gpu, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "SP0620" });
    expect(fake.asked).toBe(0);
  });
});
