import type { GeometryBuffer, GeometryDispatch, GeometryLayout, LateGeometry } from "./geometry/index.ts";
import { dispatch, type GpuContext } from "./gpu-context.ts";

interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Geometry between features, bound to what it reads. */
export interface BoundGeometry {
  readonly late: LateGeometry;
  readonly launches: readonly { readonly kernel: string; readonly group: GPUBindGroup; readonly groups: number }[];
}

/** The buffers that one scene keeps: coordinates, rulebook blocks, counts and what the host tells the kernels. */
export class SceneMemory {
  readonly layout: GeometryLayout;
  readonly #gpu: GpuContext;
  readonly #buffers: Readonly<Record<Exclude<GeometryBuffer, "scratch">, GPUBuffer>>;
  /** Tables of a scene whose sites depend on data: they are read and made anew between features. */
  readonly #tables: GPUBuffer | undefined;

  constructor(gpu: GpuContext, layout: GeometryLayout) {
    this.layout = layout;
    this.#gpu = gpu;
    this.#buffers = {
      coords: gpu.storage("coordinates", layout.bytes.coords),
      maps: gpu.storage("rulebooks", layout.bytes.maps),
      meta: gpu.storage("meta", layout.bytes.meta),
      counts: gpu.storage("counts", layout.bytes.counts),
    };
    this.#tables = layout.late.length === 0 ? undefined : gpu.storage("tables", layout.bytes.scratch);
    gpu.device.queue.writeBuffer(this.#buffers.meta, 0, layout.meta);
  }

  /** Bytes kept while the scene lives. */
  get bytes(): number {
    return this.#all().reduce((n, b) => n + b.size, 0);
  }

  /** Bytes of the arena that geometry takes before features begin. */
  get arenaBytes(): number {
    return this.#tables === undefined ? this.layout.bytes.scratch : 0;
  }

  /** Whether sites depend on data, so that every run has counts of its own. */
  get late(): boolean {
    return this.layout.late.length > 0;
  }

  /** Whether a site set depends on data. */
  madeLate(site: number): boolean {
    return this.layout.late.some((l) => l.sites.includes(site));
  }

  counts(): Range {
    return { buffer: this.#buffers.counts, offset: 0, size: this.#buffers.counts.size };
  }

  coords(site: number): Range {
    return { buffer: this.#buffers.coords, ...this.layout.coords[site]! };
  }

  map(rulebook: number, form: "forward" | "transposed" | "halo"): Range {
    const range = this.layout.maps[rulebook]![form];
    if (range === undefined) throw new Error(`internal: rulebook ${rulebook} has no ${form} block`);
    return { buffer: this.#buffers.maps, ...range };
  }

  /** Records the geometry of coordinates alone: clears, then all its dispatches in one pass. `arena` holds tables until it ends, where the scene has none of its own. */
  record(encoder: GPUCommandEncoder, arena: GPUBuffer): void {
    this.#record(encoder, arena, this.layout.clears, this.#bind(this.layout.dispatches, arena));
  }

  /** Records the late geometry as if every mask kept all rows: no run has more of any set. */
  recordAll(encoder: GPUCommandEncoder): void {
    for (const late of this.layout.late) this.#record(encoder, this.#tables!, late.clears, this.#bind(late.all, this.#tables!));
  }

  /** The geometry that makes a pruned set by a mask, bound. */
  bindLate(site: number, mask: Range): BoundGeometry {
    const late = this.layout.late.find((l) => l.site === site);
    if (late === undefined) throw new Error(`internal: site set ${site} is not made late`);
    return { late, launches: this.#bind(late.masked, this.#tables!, mask) };
  }

  recordLate(encoder: GPUCommandEncoder, { late, launches }: BoundGeometry): void {
    this.#record(encoder, this.#tables!, late.clears, launches);
  }

  dispose(): void {
    for (const b of this.#all()) b.destroy();
  }

  #all(): readonly GPUBuffer[] {
    return [...Object.values(this.#buffers), ...(this.#tables === undefined ? [] : [this.#tables])];
  }

  #buffer(name: GeometryBuffer, arena: GPUBuffer): GPUBuffer {
    return name === "scratch" ? (this.#tables ?? arena) : this.#buffers[name];
  }

  #bind(dispatches: readonly GeometryDispatch[], arena: GPUBuffer, mask?: Range): BoundGeometry["launches"] {
    return dispatches.map(({ kernel, groups, bindings, mask: masked }) => {
      const ranges = bindings.map((b) => ({ buffer: this.#buffer(b.buffer, arena), offset: b.offset, size: b.size }));
      return { kernel, groups, group: this.#gpu.bindGroup(kernel, masked === true ? [...ranges, mask!] : ranges) };
    });
  }

  #record(encoder: GPUCommandEncoder, arena: GPUBuffer, clears: GeometryLayout["clears"], launches: BoundGeometry["launches"]): void {
    for (const c of clears) if (c.size > 0) encoder.clearBuffer(this.#buffer(c.buffer, arena), c.offset, c.size);
    const pass = encoder.beginComputePass({ label: "geometry" });
    for (const { kernel, group, groups } of launches) dispatch(pass, this.#gpu.pipelines.get(kernel)!, group, groups);
    pass.end();
  }
}
