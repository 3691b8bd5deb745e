import { haloShape } from "../../runtime/geometry/halo.ts";
import { RECORD_ROWS, recordWords } from "../../runtime/geometry/record.ts";
import { PACKED_ROWS } from "./dataflow.ts";
import type { MapAccess } from "../wgsl/spec.ts";
import type { ExecutedGeometry } from "./geometry-executor.ts";

/**
 * How a target's kernels take rows: `records`: 32 output rows at a time through every tap that one of them has (WebGPU),
 * `lists`: the pairs of a tap alone (CPU).
 */
export type TileForm = "records" | "lists";

type Form = "forward" | "transposed";

/** Per stored tap: pairs, records that have one, and pairs with those of a record rounded up to what is packed together. */
interface TapCounts {
  readonly pairs: readonly number[];
  readonly records: readonly number[];
  readonly packed: readonly number[];
}

/** Counts what rulebook blocks hold, each once. */
export class MapCounts {
  readonly #geometry: ExecutedGeometry;
  readonly #tiles: TileForm;
  readonly #perTap = new Map<string, TapCounts>();
  readonly #halos = new Map<string, { readonly rows: number; readonly pairs: number }>();

  constructor(geometry: ExecutedGeometry, tiles: TileForm) {
    this.#geometry = geometry;
    this.#tiles = tiles;
  }

  /** Pairs of the taps that a layer reads. */
  pairs(rulebook: number, form: Form, { stored, taps }: Pick<MapAccess, "stored" | "taps">): number {
    const counts = this.#taps(rulebook, form, stored).pairs;
    return taps.reduce((n, t) => n + counts[t]!, 0);
  }

  /** Rows that the layer's kernel multiplies for them, by its dataflow. */
  multiplied(rulebook: number, form: Form, map: Pick<MapAccess, "stored" | "taps">, dataflow: "masked" | "packed" | "direct" | "streamed"): number {
    if (this.#tiles === "lists" || dataflow === "direct") return this.pairs(rulebook, form, map);
    const counts = this.#taps(rulebook, form, map.stored);
    return map.taps.reduce((n, t) => n + (dataflow === "masked" ? RECORD_ROWS * counts.records[t]! : counts.packed[t]!), 0);
  }

  /** Bytes of the block, or of the lists with their offsets. */
  bytes(rulebook: number, form: Form, map: Pick<MapAccess, "stored" | "taps">): number {
    const { length } = this.#geometry.map(rulebook, form);
    if (this.#tiles === "records") return 4 * length;
    return 4 * this.pairs(rulebook, form, map) + (4 * map.stored * length) / recordWords(map.stored) / 2;
  }

  /** Words of the halo tables of `rows` rows. */
  haloWords(rows: number, taps: number): number {
    return Math.ceil(rows / RECORD_ROWS) * haloShape(taps).words;
  }

  /** Of tiles of 32 rows: rows that their pairs name, their own included, and the pairs of those. */
  halo(rulebook: number, form: Form, stored: number): { readonly rows: number; readonly pairs: number } {
    const key = `${rulebook} ${form}`;
    let halo = this.#halos.get(key);
    if (halo === undefined) {
      halo = countHalo(this.#geometry.map(rulebook, form), stored);
      this.#halos.set(key, halo);
    }
    return halo;
  }

  #taps(rulebook: number, form: Form, stored: number): TapCounts {
    const key = `${rulebook} ${form}`;
    let counts = this.#perTap.get(key);
    if (counts === undefined) {
      counts = countTaps(this.#geometry.map(rulebook, form), stored);
      this.#perTap.set(key, counts);
    }
    return counts;
  }
}

function countTaps(block: Uint32Array, taps: number): TapCounts {
  const pairs = new Array<number>(taps).fill(0);
  const records = new Array<number>(taps).fill(0);
  const packed = new Array<number>(taps).fill(0);
  const words = Math.ceil(taps / 32);
  for (let record = 0; record < block.length; record += recordWords(taps)) {
    for (let tap = 0; tap < taps; tap++) {
      if (((block[record + (tap >> 5)]! >>> (tap & 31)) & 1) === 1) records[tap]!++;
      const first = record + words + tap * RECORD_ROWS;
      const found = block.subarray(first, first + RECORD_ROWS).reduce((n, entry) => n + (entry === 0 ? 0 : 1), 0);
      pairs[tap]! += found;
      packed[tap]! += PACKED_ROWS * Math.ceil(found / PACKED_ROWS);
    }
  }
  return { pairs, records, packed };
}

function countHalo(block: Uint32Array, taps: number): { readonly rows: number; readonly pairs: number } {
  const size = recordWords(taps);
  const words = Math.ceil(taps / 32);
  const pairsOf = new Int32Array((block.length / size) * RECORD_ROWS);
  const named: Set<number>[] = [];
  for (let record = 0; record < block.length / size; record++) {
    const set = new Set<number>();
    for (let k = 0; k < RECORD_ROWS * taps; k++) {
      const entry = block[record * size + words + k]!;
      if (entry === 0) continue;
      set.add(entry - 1);
      pairsOf[record * RECORD_ROWS + (k % RECORD_ROWS)]!++;
    }
    named.push(set);
  }
  let [rows, pairs] = [0, 0];
  for (const set of named) {
    rows += set.size;
    for (const row of set) pairs += pairsOf[row]!;
  }
  return { rows, pairs };
}
