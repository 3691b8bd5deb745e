import { SpnetError } from "../errors.ts";
import { align } from "../placement.ts";
import { capacitiesOf, type RoomRequest } from "./capacities.ts";
import { BLOCK_WORDS, COUNT_SITE, countPairs, countSite, GROUP, MARK_GROUP, MERGE_RUNS, META_BATCH, metaSite, NO_BLOCK, PAIR_COUNTERS, PART, SCAN_GROUP, SITE, SLICE, SORT_ROWS, STEP, stepPart } from "./fields.ts";
import { boxCells, boxExtents, siteBounds, type Bounds } from "./grid.ts";
import { haloShape } from "./halo.ts";
import { isBare, type GeometryPlan, type GeometrySite, type GeometryStage } from "./plan.ts";
import type { SceneCounts } from "./read-counts.ts";
import { RECORD_ROWS, recordCount, recordWords, volume } from "./record.ts";

/** What decides the layout of one scene; lists go by site set. */
export interface GeometryRequest extends RoomRequest {
  /** Box of each unbounded input's rows. Without one its derived sets are looked up by hash. */
  readonly bounds: readonly (Bounds | undefined)[];
  /** Most cells (grid × batch) of a bitmap where there is a choice; default 2^28. */
  readonly bitmapCells?: number;
  /** Most bytes of one binding of rulebook blocks, and of bitmaps chosen per scene; default 128 MiB. */
  readonly bindingBytes?: number;
  /** Changes the hash functions, for a second try after `table-full`. */
  readonly salt?: number;
}

export type GeometryBuffer = "coords" | "maps" | "meta" | "counts" | "scratch";

export interface ByteRange {
  readonly offset: number;
  readonly size: number;
}

export interface BoundRange extends ByteRange {
  readonly buffer: GeometryBuffer;
}

export interface GeometryDispatch {
  readonly kernel: string;
  /** Workgroups, to be folded into x = min(n, 65535), y = ceil(n / x). */
  readonly groups: number;
  /** In the order of the kernel's bindings. */
  readonly bindings: readonly BoundRange[];
  /** The features that a mask lies in are one more binding, the last. */
  readonly mask?: true;
}

/** What makes a pruned site set, and all that derives from it, between features. */
export interface LateGeometry {
  /** Index of the pruned set. */
  readonly site: number;
  /** All sets that are made. */
  readonly sites: readonly number[];
  /** Ranges to be zero before its first dispatch. */
  readonly clears: readonly BoundRange[];
  /** By the mask. */
  readonly masked: readonly GeometryDispatch[];
  /** As if the mask kept all rows: the most there can be. */
  readonly all: readonly GeometryDispatch[];
}

/** Blocks of a rulebook in `maps`. */
export interface RulebookRanges {
  readonly forward?: ByteRange | undefined;
  readonly transposed?: ByteRange | undefined;
  readonly halo?: ByteRange | undefined;
}

/** Where geometry lies in memory and how it is launched. */
export interface GeometryLayout {
  readonly plan: GeometryPlan;
  /** Bytes of each buffer. `scratch` holds nothing that is needed after the geometry phase, where none is late. */
  readonly bytes: Readonly<Record<GeometryBuffer, number>>;
  /** Contents of `meta`, to be written before the first dispatch. */
  readonly meta: Uint32Array<ArrayBuffer>;
  /** Ranges to be zero before the first dispatch. */
  readonly clears: readonly BoundRange[];
  readonly dispatches: readonly GeometryDispatch[];
  /** Geometry between features, in the order in which the steps ask for it. */
  readonly late: readonly LateGeometry[];
  /** Room per site set. */
  readonly capacities: readonly number[];
  /** Rows per site set in `coords`; input rows are put there before the first dispatch. */
  readonly coords: readonly ByteRange[];
  readonly maps: readonly RulebookRanges[];
  /** Bytes of live values at true counts: what a scene keeps, and the tables of the geometry phase. */
  liveBytes(counts: SceneCounts): { readonly scene: number; readonly tables: number };
}

const DEFAULT_CELLS = 2 ** 28;
const DEFAULT_BINDING = 128 << 20;
/** Most blocks of one bitmap, so that a workgroup sums the blocks before its own in a few loads. */
const MAX_BLOCKS = 1024;

export function layoutGeometry(plan: GeometryPlan, request: GeometryRequest): GeometryLayout {
  return new LayoutBuilder(plan, request).build();
}

class Arena {
  #bytes = 0;
  get bytes(): number {
    return Math.max(16, this.#bytes);
  }
  take(size: number): ByteRange {
    const offset = this.#bytes;
    this.#bytes += align(Math.max(16, size));
    return { offset, size: Math.max(16, size) };
  }
  /** The range of all that `place` takes. */
  group(place: () => void): ByteRange {
    const offset = this.#bytes;
    place();
    return { offset, size: this.#bytes - offset };
  }
}

/** A launch before all ranges are known. */
interface Dispatch {
  readonly stage: GeometryStage;
  readonly groups: number;
  readonly step: number;
  readonly maps?: ByteRange;
  /** Of stages by a mask: whether it asks the mask or keeps all rows. */
  readonly keeps?: "some" | "all";
}

/** Site sets and rulebooks that are made at once; `late` is the pruned set among them. */
interface Phase {
  readonly late: number | undefined;
  readonly sites: readonly number[];
  readonly rulebooks: readonly number[];
}

/** The phases in the order of their stages: of coordinates alone, then of each pruned set. */
function phasesOf(plan: GeometryPlan): readonly Phase[] {
  const late = [...new Set(plan.stages.flatMap((s) => (s.late === undefined ? [] : [s.late])))];
  const parts = (of: number, kinds: readonly GeometryStage["kind"][]): readonly number[] => [...new Set(plan.stages.flatMap((s) => (s.late === of && kinds.includes(s.kind) ? s.parts : [])))];
  const phases = late.map((of): Phase => ({ late: of, sites: parts(of, ["prune", "mark", "members"]), rulebooks: parts(of, ["search"]) }));
  const rest = (list: readonly unknown[], taken: (phase: Phase) => readonly number[]): readonly number[] => {
    const others = new Set(phases.flatMap(taken));
    return list.flatMap((_, i) => (others.has(i) ? [] : [i]));
  };
  return [{ late: undefined, sites: rest(plan.sites, (p) => p.sites), rulebooks: rest(plan.rulebooks, (p) => p.rulebooks) }, ...phases];
}

/** One part of a dispatch: how many workgroups, and the words that tell them what to do. */
interface Part {
  readonly groups: number;
  readonly words: Partial<Record<keyof typeof PART, number>>;
}

class LayoutBuilder {
  readonly #plan: GeometryPlan;
  readonly #request: GeometryRequest;
  readonly #bounds: readonly Bounds[];
  readonly #capacities: readonly number[];
  readonly #hashed: readonly boolean[];
  readonly #coords = new Arena();
  readonly #scratch = new Arena();
  readonly #maps = new Arena();
  readonly #steps: Uint32Array[] = [];
  readonly #dispatches: Dispatch[] = [];
  /** Sites and rulebooks that are made at once, first those of coordinates alone. */
  readonly #phases: readonly Phase[];
  readonly #coordRanges: ByteRange[] = [];
  readonly #mapRanges: RulebookRanges[] = [];
  readonly #meta: number[];

  constructor(plan: GeometryPlan, request: GeometryRequest) {
    this.#plan = plan;
    this.#request = request;
    this.#bounds = siteBounds(plan.sites, request.bounds);
    this.#capacities = capacitiesOf(plan, request, this.#bounds);
    this.#hashed = chooseStorage(plan, request, this.#bounds);
    this.#phases = phasesOf(plan);
    this.#meta = new Array<number>(metaSite(plan.sites.length)).fill(0);
  }

  build(): GeometryLayout {
    this.#meta[META_BATCH] = this.#request.batch;
    this.#plan.sites.forEach((_, i) => this.#coordRanges.push(this.#coords.take(this.#capacities[i]! * (this.#plan.sites[i]!.dim + 1) * 4)));
    // Tables first: they are cleared, the rest of `scratch` is not. What is made at once lies together.
    const tables = this.#phases.map(({ sites }) => this.#scratch.group(() => sites.forEach((i) => this.#placeTable(this.#plan.sites[i]!, i))));
    this.#plan.sites.forEach((s, i) => this.#placeWork(s, i));
    const maps = this.#phases.map(({ rulebooks }) => this.#maps.group(() => rulebooks.forEach((i) => this.#placeMaps(i))));
    for (const stage of this.#plan.stages) this.#launch(stage);
    return this.#finish(this.#phases.map((_, p) => ({ tables: tables[p]!, maps: maps[p]! })));
  }

  #placeTable(site: GeometrySite, i: number): void {
    const at = metaSite(i);
    const capacity = this.#capacities[i]!;
    const set = (field: number, value: number): void => void (this.#meta[at + field] = value >>> 0);
    set(SITE.rows, site.kind === "input" ? this.#request.rows[i]! : 0);
    set(SITE.capacity, capacity);
    set(SITE.coords, this.#coordRanges[i]!.offset / 4);
    set(SITE.salt, this.#request.salt ?? 0);
    const box = this.#bounds[i]!;
    const extents = boxExtents(box);
    for (let a = 0; a < 4; a++) {
      set(SITE.origin + a, box.min[a] ?? 0);
      set(SITE.extent + a, extents[a] ?? 1);
    }
    if (isBare(site)) {
      set(SITE.hashed, 1);
    } else if (site.kind === "members") {
      // What sorts them numbers the places of elements as it does those of a hash table.
      set(SITE.hashed, 1);
      set(SITE.table, this.#scratch.take(capacity * 4).offset / 4);
    } else if (this.#hashed[i]!) {
      if ([i, ...sourcesOf(site)].some((s) => this.#capacities[s]! * site.reach >= 2 ** 32)) {
        throw new SpnetError("SP0611", `site set ${site.id} is reached by more than 2^32 pairs of rows and taps`, { site: site.id });
      }
      const slots = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * capacity)));
      set(SITE.hashed, 1);
      set(SITE.mask, slots - 1);
      set(SITE.table, this.#scratch.take(slots * 4).offset / 4);
    } else {
      const cells = boxCells(box) * this.#request.batch;
      if (cells >= 2 ** 32) throw new SpnetError("SP0611", `site set ${site.id} has ${cells} cells in ${this.#request.batch} batch items, at most 2^32 can be numbered`, { site: site.id, cells });
      const words = Math.ceil(cells / 32);
      set(SITE.words, words);
      set(SITE.blockWords, blockWords(words));
      set(SITE.table, this.#scratch.take(words * 8).offset / 4);
    }
    set(SITE.source, site.source);
    set(SITE.reach, site.reach);
    set(SITE.taps, site.taps);
    site.lengths.forEach((n, a) => set(SITE.lengths + a, n));
  }

  #placeWork(site: GeometrySite, i: number): void {
    const at = metaSite(i);
    if (site.kind === "input") return;
    if (this.#hashed[i]!) {
      const bytes = this.#capacities[i]! * (site.dim + 2) * 4;
      this.#meta[at + SITE.sort] = this.#scratch.take(bytes).offset / 4;
      this.#meta[at + SITE.sorted] = this.#scratch.take(bytes).offset / 4;
    } else {
      this.#meta[at + SITE.sums] = this.#scratch.take(this.#blocks(i) * 4).offset / 4;
    }
  }

  #blocks(i: number): number {
    const at = metaSite(i);
    return Math.ceil(this.#meta[at + SITE.words]! / this.#meta[at + SITE.blockWords]!);
  }

  #placeMaps(i: number): void {
    const book = this.#plan.rulebooks[i]!;
    const taps = volume(book.kernel);
    const records = (site: number): number => recordCount(this.#capacities[site]!);
    this.#mapRanges[i] = {
      ...(book.forward ? { forward: this.#maps.take(records(book.to) * recordWords(taps) * 4) } : {}),
      ...(book.transposed ? { transposed: this.#maps.take(records(book.from) * recordWords(taps) * 4) } : {}),
      ...(book.halo === undefined ? {} : { halo: this.#maps.take(records(book.to) * haloShape(taps).words * 4) }),
    };
  }

  #launch(stage: GeometryStage): void {
    const perSite = (groups: (i: number) => number): Part[] => stage.parts.map((site) => ({ groups: groups(site), words: { site } }));
    const blocksOr = (i: number, hashed: number): number => (this.#hashed[i]! ? hashed : this.#blocks(i));
    switch (stage.kind) {
      case "mark":
        // One workgroup at least, for the counts that it writes.
        return this.#dispatch(stage, this.#marks(stage));
      case "prune":
        this.#dispatch(stage, this.#marks(stage), 0, { keeps: "some" });
        return this.#dispatch(stage, this.#marks(stage), 1, { keeps: "all" });
      case "count":
        return this.#dispatch(stage, perSite((i) => blocksOr(i, Math.ceil((this.#meta[metaSite(i) + SITE.mask]! + 1) / SCAN_GROUP))));
      case "emit":
        return this.#dispatch(stage, perSite((i) => blocksOr(i, Math.max(1, Math.ceil(this.#capacities[i]! / SORT_ROWS)))));
      case "merge":
        for (let pass = 0, run = SORT_ROWS; ; pass++, run *= MERGE_RUNS) {
          // Each pass joins 8 runs to one, until the longest list is one run.
          const parts = perSite((i) => (this.#hashed[i]! && this.#capacities[i]! > run ? Math.ceil(this.#capacities[i]! / GROUP) : 0));
          if (parts.every((p) => p.groups === 0)) return;
          this.#dispatch(stage, parts, pass);
        }
      case "search":
        return this.#onMaps(stage, ({ forward, transposed }) => ({ forward, transposed }), (i, word) => this.#search(i, word));
      case "members":
        for (const i of stage.parts) this.#members(stage, i);
        return;
      case "halo":
        return this.#onMaps(stage, ({ forward, halo }) => ({ forward, halo }), (i, word) => this.#halo(i, word));
    }
  }

  /** A part per site set, or per parent of a union. */
  #marks(stage: GeometryStage): readonly Part[] {
    const { sites } = this.#plan;
    return stage.parts.flatMap((site) =>
      sourcesOf(sites[site]!).map((source, place): Part => ({
        groups: Math.max(1, Math.ceil(this.#capacities[source]! / MARK_GROUP)),
        words: { site, source, place },
      })),
    );
  }

  #search(i: number, word: (range: ByteRange | undefined) => number): Part {
    const { from, to, shape, probes } = this.#plan.rulebooks[i]!;
    const { forward, transposed } = this.#mapRanges[i]!;
    return {
      groups: Math.ceil((recordCount(this.#capacities[from]!) * RECORD_ROWS * Math.ceil(probes / SLICE)) / GROUP),
      words: { from, to, shape, forward: word(forward), transposed: word(transposed), pairs: countPairs(this.#plan.sites.length, i), probes },
    };
  }

  #members(stage: GeometryStage, site: number): void {
    const { of, members } = this.#plan.sites[site]!;
    const maps = this.#mapRanges[members!.search]!.transposed!;
    this.#dispatch(stage, [{ groups: Math.max(1, Math.ceil(this.#capacities[of]! / GROUP)), words: { site, source: of, transposed: 0 } }], 0, { maps });
  }

  #halo(i: number, word: (range: ByteRange | undefined) => number): Part {
    const { to, kernel, halo } = this.#plan.rulebooks[i]!;
    const ranges = this.#mapRanges[i]!;
    return {
      groups: recordCount(this.#capacities[to]!),
      words: { site: to, taps: volume(kernel), forward: word(ranges.forward), halo: word(ranges.halo), capacity: halo!.capacity },
    };
  }

  /** As few dispatches as there are bindings of `maps`, each holding whole rulebooks. */
  #onMaps(stage: GeometryStage, used: (ranges: RulebookRanges) => RulebookRanges, part: (i: number, word: (range: ByteRange | undefined) => number) => Part): void {
    const limit = this.#request.bindingBytes ?? DEFAULT_BINDING;
    for (let first = 0; first < stage.parts.length; ) {
      let window: ByteRange | undefined;
      let next = first;
      while (next < stage.parts.length) {
        const wider = Object.values(used(this.#mapRanges[stage.parts[next]!]!)).reduce<ByteRange | undefined>(cover, window);
        if (next > first && wider !== undefined && wider.size > limit) break;
        window = wider;
        next++;
      }
      const maps = window ?? { offset: 0, size: 16 };
      const word = (range: ByteRange | undefined): number => (range === undefined ? NO_BLOCK : (range.offset - maps.offset) / 4);
      this.#dispatch(stage, stage.parts.slice(first, next).map((i) => part(i, word)), 0, { maps });
      first = next;
    }
  }

  #dispatch(stage: GeometryStage, parts: readonly Part[], argument = 0, more: Pick<Dispatch, "maps" | "keeps"> = {}): void {
    const step = new Uint32Array(stepPart(parts.length));
    step[STEP.argument] = argument;
    step[STEP.parts] = parts.length;
    let end = 0;
    parts.forEach(({ groups, words }, p) => {
      end += groups;
      step[stepPart(p) + PART.end] = end;
      for (const [field, value] of Object.entries(words)) step[stepPart(p) + PART[field as keyof typeof PART]] = value;
    });
    if (end === 0) return;
    this.#dispatches.push({ stage, groups: end, step: this.#steps.length, ...more });
    this.#steps.push(step);
  }

  #countRange(word: number, words: number): BoundRange {
    return { buffer: "counts", offset: 4 * word, size: 4 * words };
  }

  #finish(cleared: readonly { readonly tables: ByteRange; readonly maps: ByteRange }[]): GeometryLayout {
    const plan = this.#plan;
    const meta = new Arena();
    const site = meta.take(this.#meta.length * 4);
    const steps = this.#steps.map((s) => meta.take(s.length * 4));
    const words = new Uint32Array(meta.bytes / 4);
    words.set(this.#meta);
    steps.forEach((range, i) => words.set(this.#steps[i]!, range.offset / 4));
    const bytes = {
      coords: this.#coords.bytes, scratch: this.#scratch.bytes, maps: this.#maps.bytes, meta: meta.bytes,
      counts: align(countPairs(plan.sites.length, plan.rulebooks.length) * 4),
    };
    const whole = (buffer: GeometryBuffer): BoundRange => ({ buffer, offset: 0, size: bytes[buffer] });
    const bound = (d: Dispatch): GeometryDispatch => {
      const head: BoundRange[] = [{ buffer: "meta", ...site }, { buffer: "meta", ...steps[d.step]! }, whole("counts")];
      const maps: BoundRange = { buffer: "maps", offset: 0, size: 16, ...d.maps };
      const rows = [whole("coords"), whole("scratch")];
      // Where nobody asks the mask, something that is only read stands for it.
      const mask = d.keeps === "all" ? [head[0]!] : [];
      const rest = d.stage.kind === "halo" ? [maps] : d.stage.kind === "search" || d.stage.kind === "members" ? [...rows, maps] : [...rows, ...mask];
      return { kernel: d.stage.kernel, groups: d.groups, bindings: [...head, ...rest], ...(d.keeps === "some" ? { mask: true } : {}) };
    };
    const launched = (of: number | undefined, keeps: Dispatch["keeps"]): readonly GeometryDispatch[] =>
      this.#dispatches.filter((d) => d.stage.late === of && (d.keeps ?? keeps) === keeps).map(bound);
    const ranges = cleared.map(({ tables, maps }): BoundRange[] => [{ buffer: "scratch", ...tables }, { buffer: "maps", ...maps }]);
    return {
      plan, bytes, meta: words, dispatches: launched(undefined, undefined), clears: [...ranges[0]!, whole("counts")],
      late: this.#phases.slice(1).map(({ late, sites, rulebooks }, p): LateGeometry => ({
        site: late!, sites,
        clears: [...ranges[p + 1]!, ...sites.map((i) => this.#countRange(countSite(i), COUNT_SITE)), ...rulebooks.map((i) => this.#countRange(countPairs(plan.sites.length, i), PAIR_COUNTERS))],
        masked: launched(late, "some"), all: launched(late, "all"),
      })),
      capacities: this.#capacities, coords: this.#coordRanges, maps: this.#mapRanges,
      liveBytes: (counts) => ({ scene: sceneBytes(plan, counts.rows), tables: bytes.scratch }),
    };
  }
}

/** The sets whose rows mark a set. */
const sourcesOf = (site: GeometrySite): readonly number[] => (site.kind === "union" ? [site.of, ...site.others!] : [site.source]);

function cover(window: ByteRange | undefined, range: ByteRange | undefined): ByteRange | undefined {
  if (range === undefined || window === undefined) return range ?? window;
  const offset = Math.min(window.offset, range.offset);
  return { offset, size: Math.max(window.offset + window.size, range.offset + range.size) - offset };
}

function blockWords(words: number): number {
  let size = BLOCK_WORDS;
  while (words > size * MAX_BLOCKS) size *= 2;
  return size;
}

/** Bytes of coordinates, rulebook blocks and halo tables for `rows` rows per site set. */
function sceneBytes(plan: GeometryPlan, rows: readonly number[]): number {
  const coords = plan.sites.reduce((sum, s, i) => sum + rows[i]! * (s.dim + 1), 0);
  const maps = plan.rulebooks.reduce((sum, r) => {
    const taps = volume(r.kernel);
    const onto = recordCount(rows[r.to]!);
    const block = (r.forward ? onto : 0) + (r.transposed ? recordCount(rows[r.from]!) : 0);
    return sum + block * recordWords(taps) + (r.halo === undefined ? 0 : onto * haloShape(taps).words);
  }, 0);
  return 4 * (coords + maps);
}

/** Which sets are looked up by hash; where there is a choice, small grids get bitmaps first. */
function chooseStorage(plan: GeometryPlan, request: GeometryRequest, bounds: readonly Bounds[]): readonly boolean[] {
  const hashed = plan.sites.map((s) => s.storage !== "bitmap");
  const open = plan.sites.flatMap((s, i) => (s.storage === "either" ? [{ i, cells: boxCells(bounds[i]!) * request.batch }] : []));
  let left = request.bindingBytes ?? DEFAULT_BINDING;
  for (const { i, cells } of open.sort((a, b) => a.cells - b.cells || a.i - b.i)) {
    const bytes = Math.ceil(cells / 32) * 8;
    if (cells > (request.bitmapCells ?? DEFAULT_CELLS) || bytes > left) break;
    left -= bytes;
    hashed[i] = false;
  }
  return hashed;
}
