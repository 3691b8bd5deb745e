/** Active cells of a made-up scene. */
export interface Cells {
  /** Cell indices, `dim` per cell, each cell once, in order of first appearance. */
  readonly indices: Int32Array;
  /** Columns per cell. */
  readonly columns: number;
  readonly values: Float32Array;
}

/** Collects cells; what falls into a cell again is left out. */
export class CellSet {
  readonly #dim: number;
  readonly #columns: number;
  readonly #seen = new Set<string>();
  readonly #indices: number[] = [];
  readonly #values: number[] = [];

  constructor(dim: number, columns: number) {
    this.#dim = dim;
    this.#columns = columns;
  }

  get size(): number {
    return this.#seen.size;
  }

  add(cell: readonly number[], values: readonly number[]): void {
    if (cell.length !== this.#dim || values.length !== this.#columns) throw new Error("internal: a cell of another shape");
    const key = cell.join();
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#indices.push(...cell);
    this.#values.push(...values);
  }

  finish(): Cells {
    return { indices: Int32Array.from(this.#indices), columns: this.#columns, values: Float32Array.from(this.#values) };
  }
}
