import { afterAll, beforeAll } from "vitest";
import { compileGeometry, type CompileOptions, type CompiledGeometry } from "../../../src/codegen/wgsl/geometry/index.ts";
import type { GeometrySpec } from "../../../src/codegen/plan/geometry-spec.ts";
import { layoutGeometry, readCounts, type Bounds, type ByteRange, type GeometryBuffer, type GeometryLayout, type GeometryRequest, type SceneCounts } from "../../../src/runtime/geometry/index.ts";
import { openGpu, USAGE, type TestGpu } from "../../support/gpu.ts";
import type { Rows } from "../../geometry/oracle.ts";

/** What the kernels left: counts, and by site set or rulebook what lies in its region. */
export interface GeometryRun {
  readonly compiled: CompiledGeometry;
  readonly layout: GeometryLayout;
  readonly counts: SceneCounts;
  readonly words: Uint32Array;
  readonly dispatches: number;
  /** Buffers whose guard words beyond the last region are no longer what they were. */
  readonly guarded: readonly string[];
  coords(site: string): Rows;
  map(rulebook: string, form: "forward" | "transposed" | "halo"): Uint32Array;
}

export type RequestChange = Partial<Pick<GeometryRequest, "bitmapCells" | "bindingBytes" | "salt" | "batch">> & {
  readonly room?: Readonly<Record<string, number>>;
  /** Leave the box of unbounded inputs unsaid. */
  readonly boxless?: boolean;
  /** A box other than that of the rows. */
  readonly box?: Bounds;
};

const RUBBISH = 0xabad1dea;

/** Regions of a buffer with something written between their end and the next region. */
function damaged(name: string, words: Uint32Array, ranges: readonly (ByteRange | undefined)[], untouched: number): readonly string[] {
  const regions = ranges.filter((r) => r !== undefined).sort((a, b) => a.offset - b.offset);
  return regions.flatMap((r, i) => {
    const gap = words.subarray((r.offset + r.size) / 4, (regions[i + 1]?.offset ?? words.byteLength) / 4);
    return gap.every((w) => w === untouched) ? [] : [`${name} after ${r.offset}`];
  });
}

/** A compiler of geometry to pipelines that remembers texts, since tests run the same network many times. */
export class GeometryRunner {
  #opened: TestGpu | undefined;
  readonly #pipelines = new Map<string, { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout }>();

  /** The runner of a file of tests: its GPU is opened before them and closed behind them. */
  static ofFile(): GeometryRunner {
    const runner = new GeometryRunner();
    beforeAll(async () => {
      runner.#opened = await openGpu();
    });
    afterAll(() => runner.#gpu.close());
    return runner;
  }

  get #gpu(): TestGpu {
    if (this.#opened === undefined) throw new Error("no GPU is open outside of tests");
    return this.#opened;
  }

  /** Runs geometry in one submit, from buffers full of rubbish where no zeros are asked for. */
  async run(spec: GeometrySpec, inputs: Readonly<Record<string, Rows>>, change: RequestChange = {}, options: CompileOptions = {}): Promise<GeometryRun> {
    const compiled = compileGeometry(spec, options);
    const layout = layoutGeometry(compiled.plan, requestFor(spec, inputs, change));
    const { device } = this.#gpu;
    const buffers = Object.fromEntries(
      Object.entries(layout.bytes).map(([name, size]) => [name, device.createBuffer({ label: name, size, usage: USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST })]),
    ) as Record<GeometryBuffer, GPUBuffer>;
    for (const name of ["coords", "scratch", "maps", "counts"] as const) device.queue.writeBuffer(buffers[name], 0, new Uint32Array(layout.bytes[name] / 4).fill(RUBBISH));
    device.queue.writeBuffer(buffers.meta, 0, layout.meta);
    spec.sites.forEach((s, i) => {
      const rows = inputs[s.id];
      if (s.kind === "input" && rows !== undefined && rows.length > 0) device.queue.writeBuffer(buffers.coords, layout.coords[i]!.offset, Int32Array.from(rows.flat()));
    });
    const pipelines = await Promise.all(compiled.kernels.map(async (k) => [k.name, await this.#pipeline(k.code, k.name, k.bindings.map((b) => b.access))] as const));
    const byName = new Map(pipelines);
    const encoder = device.createCommandEncoder();
    for (const c of layout.clears) encoder.clearBuffer(buffers[c.buffer], c.offset, c.size);
    const pass = encoder.beginComputePass();
    for (const d of layout.dispatches) {
      const { pipeline, layout: groupLayout } = byName.get(d.kernel)!;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: groupLayout, entries: d.bindings.map((b, binding) => ({ binding, resource: { buffer: buffers[b.buffer], offset: b.offset, size: b.size } })) }));
      const x = Math.min(d.groups, 65535);
      pass.dispatchWorkgroups(x, Math.ceil(d.groups / x));
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    const words = await this.#gpu.read(buffers.counts, new Uint32Array(layout.bytes.counts / 4));
    const counts = readCounts(compiled.plan, layout, words);
    const coords = await this.#gpu.read(buffers.coords, new Int32Array(layout.bytes.coords / 4));
    const maps = await this.#gpu.read(buffers.maps, new Uint32Array(layout.bytes.maps / 4));
    for (const b of Object.values(buffers)) b.destroy();
    const site = (id: string): number => spec.sites.findIndex((s) => s.id === id);
    return {
      compiled, layout, counts, words, dispatches: layout.dispatches.length,
      guarded: [
        ...damaged("coords", new Uint32Array(coords.buffer), layout.coords, RUBBISH),
        ...damaged("maps", maps, layout.maps.flatMap((m) => [m.forward, m.transposed, m.halo]), 0),
      ],
      coords: (id) => {
        const i = site(id);
        const width = spec.sites[i]!.dim + 1;
        const at = layout.coords[i]!.offset / 4;
        const rows = Math.min(counts.rows[i]!, layout.capacities[i]!);
        return Array.from({ length: rows }, (_, r) => [...coords.subarray(at + r * width, at + (r + 1) * width)]);
      },
      map: (name, form) => {
        const range = layout.maps[spec.rulebooks.findIndex((r) => r.name === name)]![form]!;
        return maps.subarray(range.offset / 4, (range.offset + range.size) / 4);
      },
    };
  }

  async #pipeline(code: string, entry: string, access: readonly ("read" | "read_write")[]): Promise<{ readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout }> {
    const known = this.#pipelines.get(code);
    if (known !== undefined) return known;
    const { device } = this.#gpu;
    const module = device.createShaderModule({ code, label: entry });
    const bad = (await module.getCompilationInfo()).messages.filter((m) => m.type !== "info");
    if (bad.length > 0) throw new Error(`${bad.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("\n")}\n${code.split("\n").map((l, i) => `${i + 1} ${l}`).join("\n")}`);
    const layout = device.createBindGroupLayout({
      entries: access.map((a, binding) => ({ binding, visibility: 4, buffer: { type: a === "read" ? "read-only-storage" : "storage" } })),
    });
    const pipeline = await device.createComputePipelineAsync({ layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }), compute: { module, entryPoint: entry } });
    this.#pipelines.set(code, { pipeline, layout });
    return { pipeline, layout };
  }
}

function requestFor(spec: GeometrySpec, inputs: Readonly<Record<string, Rows>>, { room = {}, boxless = false, box, ...change }: RequestChange): GeometryRequest {
  const rowsOf = (id: string): Rows => inputs[id] ?? [];
  return {
    rows: spec.sites.map((s) => rowsOf(s.id).length),
    batch: spec.sites.reduce((most, s) => rowsOf(s.id).reduce((n, r) => Math.max(n, r[0]! + 1), most), 1),
    bounds: spec.sites.map((s) => {
      const rows = rowsOf(s.id);
      if (s.kind !== "input" || boxless) return undefined;
      if (box !== undefined) return box;
      const axes = Array.from({ length: s.dim }, (_, a) => rows.map((r) => r[a + 1]!));
      const least = (list: readonly number[]): number => list.reduce((x, y) => Math.min(x, y), list[0] ?? 0);
      const most = (list: readonly number[]): number => list.reduce((x, y) => Math.max(x, y), list[0] ?? 0);
      return { min: axes.map(least), max: axes.map(most) };
    }),
    capacities: spec.sites.map((s) => room[s.id] ?? 0),
    ...change,
  };
}
