import { COUNT_BATCH, MARK_GROUP, MAX_PROBES, STATUS } from "../../../runtime/geometry/fields.ts";
import { int, u32 } from "../literal.ts";
import { name, type Name } from "../namer.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import { dilated, type CompileOptions, type SitePlan } from "./analysis.ts";
import { Cells } from "./cells.ts";
import { stageKernel, type StagePart } from "./stage.ts";
import { AXES, Buffers } from "./words.ts";

/** Times that an exchange which failed for no reason is tried again. */
const MAX_RETRIES = 64;

/**
 * Inserts input rows into their hash tables and marks derived sets, each by all rows of its source. Sets looked up by
 * bitmap get bits, the others a slot per site that holds the number of a candidate (row and tap) + 1.
 */
export class MarkStage {
  readonly #sites: readonly SitePlan[];
  readonly #options: CompileOptions;
  readonly #buffers = new Buffers();
  readonly #cells: Cells;
  readonly #table: Name;

  constructor(sites: readonly SitePlan[], options: CompileOptions) {
    this.#sites = sites;
    this.#options = options;
    this.#cells = new Cells(this.#buffers, sites);
    void this.#cells.coords;
    this.#table = this.#buffers.bindings.use("scratch", "read_write", wgsl`array<atomic<u32>>`);
  }

  kernel(title: string, parts: readonly number[]): Kernel {
    return stageKernel({
      name: title,
      header: ["Inserts input rows into their tables, marks the cells of derived site sets."],
      buffers: this.#buffers, cells: this.#cells, workgroupSize: MARK_GROUP,
      parts: parts.map((i) => this.#part(i)),
    });
  }

  #part(i: number): StagePart {
    const s = this.#sites[i]!;
    if (s.kind === "input") {
      return { what: `${s.id}: given`, body: (group) => this.#insertInput(i, group) };
    }
    const source = this.#sites[s.source]!;
    return {
      what: `${s.id}: from ${source.id} by ${s.chain.map((c) => this.#sites[c]!.kind).join(", ")}`,
      body: (group) => wgsl`
        let row = (${group}) * ${u32(MARK_GROUP)} + lane;
        if (row >= ${source.kind === "input" ? this.#buffers.site(s.source, "rows") : wgsl`atomicLoad(${this.#buffers.count(s.source, "rows")})`}) { return; }
        let s = ${this.#cells.row(s.source, wgsl`row`)};
        ${source.kind === "input" ? wgsl`if (!${this.#cells.inside(s.source)}(s)) { return; }` : undefined}
        ${dilated(s) ? this.#markTaps(i) : this.#markBox(i)}`,
    };
  }

  #insertInput(i: number, group: Wgsl): Hole {
    const { meta, counts } = this.#buffers;
    const put = (field: "rows" | "needed"): Wgsl => wgsl`atomicStore(${this.#buffers.count(i, field)}, rows);`;
    const flag = (field: "batch" | "range" | "duplicate" | "full", row: Wgsl, bit: number): Wgsl => wgsl`
      atomicMax(${this.#buffers.count(i, field)}, ~(${row}));
      atomicOr(${this.#buffers.status}, ${u32(bit)});`;
    return wgsl`
      let rows = ${this.#buffers.site(i, "rows")};
      let row = (${group}) * ${u32(MARK_GROUP)} + lane;
      if (row == 0u) {
        ${put("rows")}
        ${put("needed")}
        atomicStore(&${counts}[${u32(COUNT_BATCH)}], ${meta}[0]);
      }
      if (row >= rows) { return; }
      let s = ${this.#cells.row(i, wgsl`row`)};
      if (u32(s.b) >= ${meta}[0]) {
        ${flag("batch", wgsl`row`, STATUS.batch)}
        return;
      }
      if (!${this.#cells.inside(i)}(s)) {
        ${flag("range", wgsl`row`, STATUS.range)}
        return;
      }
      let mask = ${this.#buffers.site(i, "mask")};
      var slot = ${this.#cells.hash}(s, ${this.#buffers.site(i, "salt")}) & mask;
      for (var n = 0u; n < ${u32(MAX_PROBES)}; n++) {
        let at = ${this.#buffers.site(i, "table")} + slot;
        let found = ${this.#claim()}(at, row + 1u);
        if (found == 0u) { return; }
        if (found != 0xffffffffu && same(${this.#cells.row(i, wgsl`found - 1u`)}, s)) {
          // The slot keeps the first of equal rows; the later of the two that met is the duplicate.
          let other = atomicMin(&${this.#table}[at], row + 1u) - 1u;
          ${flag("duplicate", wgsl`max(row, other)`, STATUS.duplicate)}
          return;
        }
        slot = (slot + 1u) & mask;
      }
      ${flag("full", wgsl`row`, STATUS.full)}`;
  }

  /** `claim(at, value)`: puts a value into a free slot and returns 0, or returns what is there. */
  #claim(): Name {
    const exchange = wgsl`
      let r = atomicCompareExchangeWeak(&${this.#table}[at], 0u, value);
      if (r.exchanged) { return 0u; }
      if (r.old_value != 0u) { return r.old_value; }`;
    const injected = wgsl`
      // Test variant: the first tries of most slots see a failure without a cause.
      var exchanged = false;
      var old = 0u;
      if (n >= ((at ^ value) & 3u)) {
        let r = atomicCompareExchangeWeak(&${this.#table}[at], 0u, value);
        exchanged = r.exchanged;
        old = r.old_value;
      }
      if (exchanged) { return 0u; }
      if (old != 0u) { return old; }`;
    return this.#cells.declare("claim", () => wgsl`
      // A weak exchange may fail although the slot is free: then the same slot is tried again.
      fn claim(at: u32, value: u32) -> u32 {
        for (var n = 0u; n < ${u32(MAX_RETRIES)}; n++) {
          ${this.#options.injectFailures === true ? injected : exchange}
        }
        return 0xffffffffu;
      }`);
  }

  /** Bits or slots of the box of cells that the row marks. */
  #markBox(i: number): Hole {
    const { storage } = this.#sites[i]!;
    const bits = storage === "hash" ? undefined : this.#boxBits(i);
    const slots = storage === "bitmap" ? undefined : this.#boxSlots(i);
    return wgsl`
      let box = ${this.#cells.box(i)}(s.c);
      ${storage !== "either" ? [bits, slots] : wgsl`
        if (${this.#buffers.site(i, "hashed")} != 0u) {
          ${slots}
        } else {
          ${bits}
        }`}`;
  }

  #boxBits(i: number): Hole {
    const s = this.#sites[i]!;
    const last = name(AXES[s.dim - 1]!);
    const lo = this.#cells.fromOrigin(i, wgsl`box.lo`);
    const hi = this.#cells.fromOrigin(i, wgsl`box.hi`);
    const run = wgsl`
      let first = ${this.#cells.cell(i)}(u32(s.b), o);
      ${this.#setBits()}(${this.#buffers.site(i, "table")}, first, first + hi.${last} - lo.${last});`;
    return wgsl`
      if (all(box.lo <= box.hi)) {
        let lo = ${lo};
        let hi = ${hi};
        var o = lo;
        ${nest(s.dim - 1, (axis, inner) => wgsl`
          for (o.${axis} = lo.${axis}; o.${axis} <= hi.${axis}; o.${axis}++) {
            ${inner}
          }`, run)}
      }`;
  }

  #setBits(): Name {
    return this.#cells.declare("set_bits", () => wgsl`
      // Sets the bits of the cells [first, last]; what is set already costs a load only.
      fn set_bits(table: u32, first: u32, last: u32) {
        for (var word = first >> 5u; word <= last >> 5u; word++) {
          var mask = 0xffffffffu;
          if (word == first >> 5u) { mask &= 0xffffffffu << (first & 31u); }
          if (word == last >> 5u) { mask &= 0xffffffffu >> (31u - (last & 31u)); }
          let at = table + word * 2u;
          if ((atomicLoad(&${this.#table}[at]) & mask) != mask) { atomicOr(&${this.#table}[at], mask); }
        }
      }`);
  }

  #boxSlots(i: number): Hole {
    const s = this.#sites[i]!;
    const index = AXES.slice(0, s.dim).reduce((text, a, k) => {
      const offset = wgsl`u32(c.${name(a)} - box.lo.${name(a)})`;
      return k === 0 ? offset : wgsl`(${text}) * ${u32(s.lengths[k]!)} + ${offset}`;
    }, wgsl``);
    return wgsl`
      var c = box.lo;
      ${nest(s.dim, (axis, inner) => wgsl`
        for (c.${axis} = box.lo.${axis}; c.${axis} <= box.hi.${axis}; c.${axis}++) {
          ${inner}
        }`, wgsl`${this.#insert(i)}(Site(s.b, c), row * ${u32(s.reach)} + ${index});`)}`;
  }

  /** Cells of a dilated set, tap by tap. */
  #markTaps(i: number): Hole {
    const s = this.#sites[i]!;
    const at = this.#cells.fromOrigin(i, wgsl`made.c`);
    const bit = wgsl`
      let cell = ${this.#cells.cell(i)}(u32(s.b), ${at});
      ${this.#setBits()}(${this.#buffers.site(i, "table")}, cell, cell);`;
    const slot = wgsl`${this.#insert(i)}(Site(s.b, made.c), row * ${u32(s.reach)} + tap);`;
    return wgsl`
      for (var tap = 0u; tap < ${u32(s.reach)}; tap++) {
        let made = ${this.#cells.tapCell(i)}(s.c, tap);
        if (!made.fits) { continue; }
        ${s.storage === "bitmap" ? bit : s.storage === "hash" ? slot : wgsl`
          if (${this.#buffers.site(i, "hashed")} != 0u) {
            ${slot}
          } else {
            ${bit}
          }`}
      }`;
  }

  /** Inserts a candidate's site once. */
  #insert(i: number): Name {
    return this.#cells.declare(`insert_${i}`, () => wgsl`
      fn insert_${int(i)}(s: Site, id: u32) {
        let mask = ${this.#buffers.site(i, "mask")};
        var slot = ${this.#cells.hash}(s, ${this.#buffers.site(i, "salt")}) & mask;
        for (var n = 0u; n < ${u32(MAX_PROBES)}; n++) {
          let found = ${this.#claim()}(${this.#buffers.site(i, "table")} + slot, id + 1u);
          if (found == 0u) { return; }
          if (found != 0xffffffffu && same(${this.#cells.candidate(i)}(found - 1u), s)) { return; }
          slot = (slot + 1u) & mask;
        }
        atomicStore(${this.#buffers.count(i, "full")}, 1u);
        atomicOr(${this.#buffers.status}, ${u32(STATUS.full)});
      }`);
  }
}

/** Loops over the first `count` axes around `body`. */
function nest(count: number, loop: (axis: Name, inner: Hole) => Wgsl, body: Wgsl): Wgsl {
  return AXES.slice(0, count).reduceRight((inner, axis) => loop(name(axis), inner), body);
}
