import { SpnetError } from "../errors.ts";
import type { WasmMemory } from "./wasm.ts";

const PAGE = 65536;
/** Pages that 32-bit addresses reach. */
const MAX_PAGES = 65536;
/** Cache lines, and room for the vectors that lists are copied by. */
const ALIGN = 64;

const whole = (bytes: number): number => Math.ceil(Math.max(1, bytes) / ALIGN) * ALIGN;

/** First-fit allocation of a WebAssembly memory, which grows when nothing fits. */
export class Heap {
  readonly memory: WasmMemory;
  /** Free ranges by address, never touching each other; the last may lie beyond the memory that exists. */
  #free: { at: number; end: number }[];
  readonly #sizes = new Map<number, number>();
  #used = 0;
  #peak = 0;

  constructor(memory: WasmMemory, start: number) {
    this.memory = memory;
    this.#free = [{ at: whole(start), end: MAX_PAGES * PAGE }];
  }

  /** The most bytes that were in use at once. */
  get peak(): number {
    return this.#peak;
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  /** Address of `bytes` bytes of whatever contents. SP0613 when 4 GiB, or what the platform gives, is not enough. */
  alloc(bytes: number, label: string): number {
    const size = whole(bytes);
    const range = this.#free.find((r) => r.end - r.at >= size);
    if (range === undefined) throw this.#full(label, bytes);
    this.#reach(range.at + size, label, bytes);
    const { at } = range;
    range.at += size;
    if (range.at === range.end) this.#free.splice(this.#free.indexOf(range), 1);
    this.#sizes.set(at, size);
    this.#used += size;
    this.#peak = Math.max(this.#peak, this.#used);
    return at;
  }

  /** Gives back all but the first `bytes` of an allocation. */
  shrink(at: number, bytes: number): void {
    const size = this.#sizeOf(at);
    const rest = size - whole(bytes);
    if (rest <= 0) return;
    this.#sizes.set(at, size - rest);
    this.#release(at + size - rest, rest);
  }

  free(at: number): void {
    const size = this.#sizeOf(at);
    this.#sizes.delete(at);
    this.#release(at, size);
  }

  #sizeOf(at: number): number {
    const size = this.#sizes.get(at);
    if (size === undefined) throw new Error(`internal: nothing was allocated at ${at}`);
    return size;
  }

  #release(at: number, size: number): void {
    this.#used -= size;
    const next = this.#free.findIndex((r) => r.at > at);
    const index = next < 0 ? this.#free.length : next;
    this.#free.splice(index, 0, { at, end: at + size });
    this.#free = this.#free.reduce<{ at: number; end: number }[]>((list, r) => {
      const last = list.at(-1);
      if (last !== undefined && last.end === r.at) last.end = r.end;
      else list.push(r);
      return list;
    }, []);
  }

  i32(at: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, at, length);
  }

  f32(at: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, length);
  }

  #reach(end: number, label: string, bytes: number): void {
    const pages = Math.ceil(end / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (pages <= 0) return;
    try {
      this.memory.grow(pages);
    } catch {
      throw this.#full(label, bytes);
    }
  }

  #full(label: string, bytes: number): SpnetError {
    return new SpnetError("SP0613", `out of memory: ${label} needs ${bytes} bytes beside the ${this.#used} in use; WebAssembly has 4 GiB at most`, { label, needed: bytes, used: this.#used });
  }
}

/** Allocations that end together. */
export class Region {
  readonly #heap: Heap;
  readonly #blocks = new Map<number, number>();
  #bytes = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  get bytes(): number {
    return this.#bytes;
  }

  alloc(bytes: number, label: string): number {
    const at = this.#heap.alloc(bytes, label);
    this.#blocks.set(at, bytes);
    this.#bytes += bytes;
    return at;
  }

  /** Gives back all but the first `bytes` of an allocation. */
  shrink(at: number, bytes: number): void {
    this.#heap.shrink(at, bytes);
    this.#bytes -= this.#blocks.get(at)! - bytes;
    this.#blocks.set(at, bytes);
  }

  free(): void {
    for (const at of this.#blocks.keys()) this.#heap.free(at);
    this.#blocks.clear();
  }
}
