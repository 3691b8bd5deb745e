import { COUNT_BATCH, MARK_GROUP, MAX_PROBES, META_BATCH, STATUS } from "../../../runtime/geometry/fields.ts";
import { isBare } from "../../../runtime/geometry/plan.ts";
import { f32, u32 } from "../literal.ts";
import type { Name } from "../namer.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import type { CompileOptions, Mask, SitePlan } from "./analysis.ts";
import { boxText, candidateText, sourceText } from "./box.ts";
import { cellText, coordsOf, HASH_TEXT, insideText, loadText, SITE_TEXT } from "./cells.ts";
import { geometryKernel } from "./kernel.ts";
import { AXES, Buffers } from "./words.ts";

/** Times that an exchange which failed for no reason is tried again. */
const MAX_RETRIES = 64;

/**
 * Inserts input rows into their hash tables and marks derived sets, each by all rows of its source. Sets looked up by
 * bitmap get bits, the others a slot per site that holds the number of a candidate (row and place in its box) + 1.
 * With a `mask` the one part is a pruned set, and only rows that the mask keeps mark it.
 */
export function markKernel(title: string, sites: readonly SitePlan[], parts: readonly number[], options: CompileOptions, mask?: Mask): Kernel {
  const buffers = new Buffers();
  const derived = parts.filter((i) => sites[i]!.kind !== "input");
  const dim = sites[parts[0]!]!.dim;
  coordsOf(buffers);
  const table = buffers.bindings.use("scratch", "read_write", wgsl`array<atomic<u32>>`);
  const bits = derived.some((i) => sites[i]!.storage !== "hash");
  const slots = derived.some((i) => sites[i]!.storage !== "bitmap");
  const inputs = derived.length < parts.length;
  const unions = derived.some((i) => sites[i]!.kind === "union");
  // A union is marked by one part of the dispatch per parent.
  const source = unions ? buffers.part("source") : buffers.site("source");
  const place = unions && slots ? wgsl`, ${buffers.part("place")}` : wgsl``;
  return geometryKernel({
    name: title,
    header: [
      mask === undefined ? "Inserts the rows of input site sets into their tables and marks the cells of derived ones." : `Marks the cells whose mask is greater than ${mask.above}.`,
      ...parts.map((i) => `  ${sites[i]!.id}${sites[i]!.kind === "input" ? "" : ` by the rows of ${[sites[i]!.source, ...(sites[i]!.others ?? [])].map((s) => sites[s]!.id).join(" and ")}`}`),
    ],
    buffers,
    workgroupSize: MARK_GROUP,
    functions: [
      SITE_TEXT, HASH_TEXT, loadText(buffers, dim), insideText(buffers),
      inputs || slots ? claimText(table, options) : undefined,
      ...(inputs ? [insertRowText(buffers, table)] : []),
      ...(derived.length > 0 ? [boxText(sites, derived)] : []),
      ...(slots ? [sourceText(buffers, sites, derived), candidateText(buffers, unions), insertText(buffers)] : []),
      ...(bits ? [cellText(buffers, dim), setBitsText(table)] : []),
      derived.length > 0 ? markText(buffers, dim, bits, slots, unions) : undefined,
    ],
    body: wgsl`
      let site = ${buffers.part("site")};
      let row = local_group * ${u32(MARK_GROUP)} + lane;
      ${mask !== undefined ? masked(buffers, source, mask) : inputs ? given(buffers, derived.length > 0, parts.some((i) => isBare(sites[i]!)), source, place) : later(buffers, source, place, unions)}`,
  });
}

/** The first round: parts that are input sets, and parts marked by input sets. */
function given(buffers: Buffers, derived: boolean, bare: boolean, source: Wgsl, place: Wgsl): Hole {
  // Points and their cells have no table.
  const looked = bare ? wgsl` && ${buffers.site("mask")} != 0u` : wgsl``;
  return wgsl`
    let rows = ${buffers.site("rows", source)};
    if (site == ${source}) {
      if (row == 0u) {
        atomicStore(${buffers.count("rows")}, rows);
        atomicStore(${buffers.count("needed")}, rows);
        atomicStore(&${buffers.counts}[${u32(COUNT_BATCH)}], ${buffers.meta}[${u32(META_BATCH)}]);
      }
      if (row < rows${looked}) { insert_row(site, load(site, row), row); }
    }${derived ? wgsl` else if (row < rows) {
      let s = load(${source}, row);
      if (inside(${source}, s)) { mark(site, s, row${place}); }
    }` : wgsl``}`;
}

/** A later round: rows of derived sets, of unions also those of inputs, which may lie outside of their grid. */
function later(buffers: Buffers, source: Wgsl, place: Wgsl, unions: boolean): Hole {
  const rows = wgsl`atomicLoad(${buffers.count("rows", source)})`;
  if (!unions) return wgsl`if (row < ${rows}) { mark(site, load(${source}, row), row); }`;
  return wgsl`
    if (row < ${rows}) {
      let s = load(${source}, row);
      if (inside(${source}, s)) { mark(site, s, row${place}); }
    }`;
}

/** Rows that a mask keeps, or all where the dispatch's argument is not 0. NaN keeps none. Rows of inputs may lie outside of their grid. */
function masked(buffers: Buffers, source: Wgsl, { source: { stride, offset }, above }: Mask): Hole {
  const mask = buffers.bindings.use("mask", "read", wgsl`array<f32>`);
  return wgsl`
    if (row < atomicLoad(${buffers.count("rows", source)}) && (${buffers.argument} != 0u || ${mask}[row * ${u32(stride)} + ${u32(offset)}] > ${f32(above)})) {
      let s = load(${source}, row);
      if (inside(${source}, s)) { mark(site, s, row); }
    }`;
}

/** `claim(at, value)`: puts a value into a free slot and returns 0, or returns what is there. */
function claimText(table: Name, options: CompileOptions): Wgsl {
  const exchange = wgsl`
    let r = atomicCompareExchangeWeak(&${table}[at], 0u, value);
    if (r.exchanged) { return 0u; }
    if (r.old_value != 0u) { return r.old_value; }`;
  const injected = wgsl`
    // Test variant: the first tries of most slots see a failure without a cause.
    var exchanged = false;
    var old = 0u;
    if (n >= ((at ^ value) & 3u)) {
      let r = atomicCompareExchangeWeak(&${table}[at], 0u, value);
      exchanged = r.exchanged;
      old = r.old_value;
    }
    if (exchanged) { return 0u; }
    if (old != 0u) { return old; }`;
  return wgsl`
    // A weak exchange may fail although the slot is free: then the same slot is tried again.
    fn claim(at: u32, value: u32) -> u32 {
      for (var n = 0u; n < ${u32(MAX_RETRIES)}; n++) {
        ${options.injectFailures === true ? injected : exchange}
      }
      return 0xffffffffu;
    }`;
}

function insertRowText(buffers: Buffers, table: Name): Wgsl {
  const flag = (field: "batch" | "range" | "duplicate" | "full", row: Wgsl, bit: number): Wgsl => wgsl`
    atomicMax(${buffers.count(field)}, ~(${row}));
    atomicOr(${buffers.status}, ${u32(bit)});`;
  return wgsl`
    fn insert_row(site: u32, s: Site, row: u32) {
      if (u32(s.b) >= ${buffers.meta}[${u32(META_BATCH)}]) {
        ${flag("batch", wgsl`row`, STATUS.batch)}
        return;
      }
      if (!inside(site, s)) {
        ${flag("range", wgsl`row`, STATUS.range)}
        return;
      }
      let mask = ${buffers.site("mask")};
      var slot = hash(s, ${buffers.site("salt")}) & mask;
      for (var n = 0u; n < ${u32(MAX_PROBES)}; n++) {
        let at = ${buffers.site("table")} + slot;
        let found = claim(at, row + 1u);
        if (found == 0u) { return; }
        if (found != 0xffffffffu && same(load(site, found - 1u), s)) {
          // The slot keeps the first of equal rows; the later of the two that met is the duplicate.
          let other = atomicMin(&${table}[at], row + 1u) - 1u;
          ${flag("duplicate", wgsl`max(row, other)`, STATUS.duplicate)}
          return;
        }
        slot = (slot + 1u) & mask;
      }
      ${flag("full", wgsl`row`, STATUS.full)}
    }`;
}

/** Inserts the site of a candidate once. */
function insertText(buffers: Buffers): Wgsl {
  return wgsl`
    fn insert(site: u32, s: Site, id: u32) {
      let mask = ${buffers.site("mask")};
      var slot = hash(s, ${buffers.site("salt")}) & mask;
      for (var n = 0u; n < ${u32(MAX_PROBES)}; n++) {
        let found = claim(${buffers.site("table")} + slot, id + 1u);
        if (found == 0u) { return; }
        if (found != 0xffffffffu && same(candidate(site, found - 1u), s)) { return; }
        slot = (slot + 1u) & mask;
      }
      atomicStore(${buffers.count("full")}, 1u);
      atomicOr(${buffers.status}, ${u32(STATUS.full)});
    }`;
}

function setBitsText(table: Name): Wgsl {
  return wgsl`
    // Sets the bits of the cells [first, last]; what is set already costs a load only.
    fn set_bits(table: u32, first: u32, last: u32) {
      for (var word = first >> 5u; word <= last >> 5u; word++) {
        var mask = 0xffffffffu;
        if (word == first >> 5u) { mask &= 0xffffffffu << (first & 31u); }
        if (word == last >> 5u) { mask &= 0xffffffffu >> (31u - (last & 31u)); }
        let at = table + word * 2u;
        if ((atomicLoad(&${table}[at]) & mask) != mask) { atomicOr(&${table}[at], mask); }
      }
    }`;
}

/** Marks what one source site reaches, by lines along the last axis. */
function markText(buffers: Buffers, dim: number, bits: boolean, slots: boolean, unions: boolean): Wgsl {
  const last = AXES[dim - 1]!;
  const outer = AXES.slice(0, dim - 1);
  const index = AXES.slice(0, dim - 1).reduce((text, a, k) => {
    const offset = wgsl`u32(c.${a} - box.lo.${a})`;
    return k === 0 ? offset : wgsl`(${text} * lengths.${a} + ${offset})`;
  }, wgsl`0u`);
  const setBits = wgsl`
    let first = cell(site, Site(s.b, c));
    set_bits(${buffers.site("table")}, first, first + u32(box.hi.${last} - box.lo.${last}));`;
  const insert = wgsl`
    var id = row * reach + ${unions ? wgsl`place + ` : wgsl``}tap + ${index} * lengths.${last};
    for (c.${last} = box.lo.${last}; c.${last} <= box.hi.${last}; c.${last}++) {
      insert(site, Site(s.b, c), id);
      id++;
    }`;
  const line = bits && slots ? wgsl`
    if (${buffers.site("hashed")} == 0u) {
      ${setBits}
    } else {
      ${insert}
    }` : bits ? setBits : insert;
  const lines = outer.reduceRight<Wgsl>((inner, a) => wgsl`
    for (c.${a} = box.lo.${a}; c.${a} <= box.hi.${a}; c.${a}++) {
      ${inner}
    }`, wgsl`
    c.${last} = box.lo.${last};
    ${line}`);
  return wgsl`
    fn mark(site: u32, s: Site, row: u32${unions && slots ? wgsl`, place: u32` : wgsl``}) {
      ${slots ? [wgsl`let reach = ${buffers.site("reach")};`, wgsl`let lengths = ${buffers.grid("lengths")};`] : undefined}
      for (var tap = 0u; tap < ${buffers.site("taps")}; tap++) {
        let box = box_of(site, s.c, tap);
        if (any(box.lo > box.hi)) { continue; }
        var c = box.lo;
        ${lines}
      }
    }`;
}
