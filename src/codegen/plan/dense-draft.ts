import { string, typeOf, type Attrs, type Module, type ValueId } from "../../ir/module.ts";
import type { SiteId } from "../../ir/sites.ts";
import type { DenseType, Type } from "../../ir/types.ts";
import type { DenseTarget, RowAccess } from "../wgsl/spec.ts";
import type { GeometryDraft } from "./geometry-draft.ts";
import type { MemoryDraft, Place } from "./memory-draft.ts";
import type { Roles } from "./step-draft.ts";

type DenseLayout = Pick<DenseTarget, "channels" | "extents" | "fold" | "last">;

/** A dense output that is made of rows when it is handed over: where these lie, on which sites, and where they go. */
export interface DeferredDense {
  readonly place: Place;
  readonly sites: SiteId;
  readonly layout: DenseLayout;
}

/** Dense results while a plan is made: each has a buffer that rows are scattered into, or is deferred. */
export class DenseDraft {
  readonly buffers = new Map<ValueId, number>();
  readonly deferred = new Map<ValueId, DeferredDense>();
  readonly #module: Module;
  readonly #geometry: GeometryDraft;
  readonly #memory: MemoryDraft;
  readonly #defers: boolean;

  constructor(module: Module, geometry: GeometryDraft, memory: MemoryDraft, defers: boolean) {
    this.#module = module;
    this.#geometry = geometry;
    this.#memory = memory;
    this.#defers = defers;
  }

  /** Whether a scatter that says so is left to whoever hands the output over. */
  defers(attrs: Attrs): boolean {
    return this.#defers && attrs["deferred"] === true;
  }

  /** Rows that exist anyway are what the output is made of. */
  defer(result: ValueId, rows: Type, attrs: Attrs, place: Place): void {
    this.deferred.set(result, { place, ...this.#layout(result, rows, attrs) });
  }

  /** Where the kernel that makes the rows puts them: into the tensor, or as rows. Several kernels may each write columns of a row. */
  end(result: ValueId, rows: Type, attrs: Attrs, roles: Roles): DenseTarget | RowAccess {
    if (!this.defers(attrs)) return this.target(result, rows, attrs, roles);
    const known = this.deferred.get(result)?.place;
    if (known !== undefined) return roles.write("out", known);
    const { sites, layout } = this.#layout(result, rows, attrs);
    const { channels } = layout;
    const place = { buffer: this.#memory.add({ label: "dense rows", rows: sites, shape: [channels], zero: false, input: "" }), channels, stride: channels, offset: 0 };
    this.deferred.set(result, { place, sites, layout });
    return roles.write("out", place);
  }

  /** The tensor's buffer as rows are scattered into it. */
  target(result: ValueId, rows: Type, attrs: Attrs, roles: Roles): DenseTarget {
    const { sites, layout } = this.#layout(result, rows, attrs);
    const type = typeOf(this.#module, result) as DenseType;
    const volume = type.shape.reduce((a, b) => a * b, 1);
    const access = roles.write("dense", { buffer: this.buffer(result, type, true), channels: volume, stride: volume, offset: 0 });
    return { role: access.role, coords: roles.region("coords", `coords:${sites}`), ...layout };
  }

  /** The tensor's buffer, made at first sight; `zero`: cleared before anything is written. */
  buffer(result: ValueId, { shape }: DenseType, zero: boolean): number {
    const known = this.buffers.get(result);
    if (known !== undefined) return known;
    const buffer = this.#memory.add({ label: "dense", rows: "batch", shape, zero, input: "" });
    this.buffers.set(result, buffer);
    return buffer;
  }

  #layout(result: ValueId, rows: Type, attrs: Attrs): Pick<DeferredDense, "sites" | "layout"> {
    const type = typeOf(this.#module, result);
    if (type.kind !== "dense" || rows.kind !== "feat") throw new Error("internal: dense scatter of no sites");
    const extents = this.#module.sites.extents(rows.sites);
    if (extents === undefined) throw new Error("internal: dense scatter without extents");
    this.#geometry.need(rows.sites);
    const axis = this.#module.sites.axes(rows.sites).indexOf(string(attrs, "fold"));
    const channels = type.shape.reduce((a, b) => a * b, 1) / extents.reduce((a, b) => a * b, 1);
    return { sites: rows.sites, layout: { channels, extents, fold: axis < 0 ? undefined : axis, ...(attrs["layout"] === "channels_last" ? { last: true } : {}) } };
  }
}
