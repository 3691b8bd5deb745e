/** Runs in the browser: what a page can do with a compiled network, and the compiler itself. Posts a {@link PageReport}. */
import { assembleWat, buildCpuProgram, buildProgram, compileSource, emitModule, lowerToCpuPlan, lowerToPlan, presetPipeline, runPipeline, type EmittedModule } from "../../src/index.ts";
import type { CreateOptions, DenseOutput, FeatOutput, GpuRows, Progress } from "../../src/runtime/index.ts";
import { countingDevice, type DeviceCounts } from "../support/counting-device.ts";
import type { AnyNetwork } from "../support/network-runs.ts";

/** A network's input and source as the server gives them. */
export interface PageCase {
  readonly source: string;
  readonly input: string;
  readonly batch: number;
  readonly coords: readonly number[];
  readonly features: readonly number[];
}

export interface PageTensor {
  readonly coords: readonly number[];
  readonly data: readonly number[];
}

export type PageOutputs = Readonly<Record<string, PageTensor>>;

export interface PageReport {
  readonly adapter: { readonly vendor: string; readonly architecture: string; readonly description: string };
  /** The adapter as the network tells it. */
  readonly described: string;
  readonly progress: readonly Progress[];
  /** What `prepare` and `scene.run` did to the page's device. */
  readonly prepared: DeviceCounts;
  readonly ran: DeviceCounts;
  /** Outputs of a prepared scene on a device of the page's. */
  readonly scene: PageOutputs;
  /** Outputs for inputs in GPUBuffers, left in GPUBuffers. */
  readonly buffers: PageOutputs;
  /** The code of a run whose signal was aborted. */
  readonly aborted: string;
  /** The texts that the compiler makes in the page. */
  readonly emitted: EmittedModule;
  /** Outputs of those texts, on a device that the module opened itself, in one submit. */
  readonly compiledHere: PageOutputs;
  readonly uncaptured: readonly string[];
}

interface ModuleOfNetwork {
  create(options: CreateOptions): Promise<AnyNetwork>;
}

type Outputs = Readonly<Record<string, FeatOutput | DenseOutput>>;

const { gpu } = (globalThis as unknown as { readonly navigator: { readonly gpu: GPU } }).navigator;
const get = async (path: string): Promise<Response> => await fetch(path);
const weights = await (await get("/net.safetensors")).arrayBuffer();
const given = (await (await get("/case.json")).json()) as PageCase;
const coords = Int32Array.from(given.coords);
const features = Float32Array.from(given.features);

const plain = (outputs: Outputs): PageOutputs =>
  Object.fromEntries(Object.entries(outputs).map(([name, o]) => [name, "features" in o ? { coords: [...o.coords], data: [...o.features] } : { coords: [], data: [...o.data] }]));

async function compileHere(): Promise<EmittedModule> {
  const { module } = compileSource("test.spnet", { readFile: () => given.source });
  const fused = runPipeline(module!, presetPipeline("O2")).module;
  const cpu = buildCpuProgram(lowerToCpuPlan(fused));
  return emitModule({ source: "test.spnet", webgpu: buildProgram(lowerToPlan(fused)), wasm: { plan: cpu.plan, code: await assembleWat(cpu.wat) } }, "0.0.0");
}

const load = async (url: string): Promise<ModuleOfNetwork> => (await import(url)) as ModuleOfNetwork;

/** Outputs that a run left on the device; `width` numbers per site. */
async function fetched(device: GPUDevice, outputs: Outputs, width: number): Promise<PageOutputs> {
  const read = async (buffer: GPUBuffer, words: number): Promise<ArrayBuffer> => {
    const staging = device.createBuffer({ size: words * 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, words * 4);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    return staging.getMappedRange();
  };
  const result: Record<string, PageTensor> = {};
  for (const [name, output] of Object.entries(outputs)) {
    const numbers = "shape" in output ? output.shape.reduce((n, e) => n * e, 1) : output.rows * output.channels;
    const sites = "coordsBuffer" in output ? new Int32Array(await read(output.coordsBuffer!, output.rows * width)) : [];
    result[name] = { coords: [...sites], data: [...new Float32Array(await read(output.buffer!, numbers))] };
  }
  return result;
}

function uploaded(device: GPUDevice, data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, rows: number): GpuRows {
  const buffer = device.createBuffer({ size: data.byteLength, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, data);
  return { buffer, rows };
}

async function report(): Promise<PageReport> {
  const adapter = (await gpu.requestAdapter())!;
  const own = await adapter.requestDevice();
  const uncaptured: string[] = [];
  own.addEventListener("uncapturederror", (event) => void uncaptured.push(event.error.message));
  const { device, counts, clear } = countingDevice(own);
  const progress: Progress[] = [];

  const net = await (await load("/net.js")).create({ weights, device, onProgress: (p) => void progress.push(p) });
  const width = net.plan.inputs[0]!.axes.length + 1;
  const rows = coords.length / width;
  clear();
  const kept = await net.prepare({ [given.input]: coords }, { batch: given.batch });
  const prepared = { ...counts };
  clear();
  const scene = plain(await kept.run({ [given.input]: features }));
  const ran = { ...counts };

  const onDevice = { coords: uploaded(own, coords, rows), features: uploaded(own, features, rows) };
  const buffers = await fetched(own, await net.run({ [given.input]: onDevice }, { batch: given.batch, output: "gpu" }), width);
  const aborted = await kept.run({ [given.input]: features }, { signal: AbortSignal.abort() }).then(() => "not refused", (e: unknown) => String((e as { readonly code?: string }).code));
  net.dispose();

  const emitted = await compileHere();
  const url = URL.createObjectURL(new Blob([emitted.js], { type: "text/javascript" }));
  const second = await (await load(url)).create({ weights, target: "webgpu" });
  const compiledHere = plain(await second.run({ [given.input]: { coords, features } }));
  second.dispose();

  const { vendor, architecture, description } = adapter.info;
  return { adapter: { vendor, architecture, description }, described: net.adapter, progress, prepared, ran, scene, buffers, aborted, emitted, compiledHere, uncaptured };
}

await fetch("/report", { method: "POST", body: JSON.stringify(await report()) });
