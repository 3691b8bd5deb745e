import type { GeometryLayout } from "./geometry/index.ts";
import { dispatch, type GpuContext } from "./gpu-context.ts";

interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** The buffers that one scene keeps: coordinates, rulebook blocks, counts and what the host tells the kernels. */
export class SceneMemory {
  readonly layout: GeometryLayout;
  readonly #gpu: GpuContext;
  readonly #buffers: { readonly coords: GPUBuffer; readonly maps: GPUBuffer; readonly meta: GPUBuffer; readonly counts: GPUBuffer };

  constructor(gpu: GpuContext, layout: GeometryLayout) {
    this.layout = layout;
    this.#gpu = gpu;
    this.#buffers = {
      coords: gpu.storage("coordinates", layout.bytes.coords),
      maps: gpu.storage("rulebooks", layout.bytes.maps),
      meta: gpu.storage("meta", layout.bytes.meta),
      counts: gpu.storage("counts", layout.bytes.counts),
    };
    gpu.device.queue.writeBuffer(this.#buffers.meta, 0, layout.meta);
  }

  /** Bytes kept while the scene lives. */
  get bytes(): number {
    return Object.values(this.#buffers).reduce((n, b) => n + b.size, 0);
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

  /** Records the geometry phase: clears, then all its dispatches in one pass. `scratch` holds tables until it ends. */
  record(encoder: GPUCommandEncoder, scratch: GPUBuffer): void {
    const buffer = (name: "coords" | "maps" | "meta" | "counts" | "scratch"): GPUBuffer => (name === "scratch" ? scratch : this.#buffers[name]);
    for (const c of this.layout.clears) if (c.size > 0) encoder.clearBuffer(buffer(c.buffer), c.offset, c.size);
    const pass = encoder.beginComputePass({ label: "geometry" });
    for (const d of this.layout.dispatches) {
      if (d.groups === 0) continue;
      const ranges = d.bindings.map((b) => ({ buffer: buffer(b.buffer), offset: b.offset, size: b.size }));
      dispatch(pass, this.#gpu.pipelines.get(d.kernel)!, this.#gpu.bindGroup(d.kernel, ranges), d.groups);
    }
    pass.end();
  }

  dispose(): void {
    for (const b of Object.values(this.#buffers)) b.destroy();
  }
}
