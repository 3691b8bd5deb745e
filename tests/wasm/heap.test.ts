import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, Region } from "../../src/runtime/cpu/heap.ts";
import { webAssembly } from "../../src/runtime/cpu/wasm.ts";

const PAGE = 65536;
const START = 1000;
const MAXIMUM = 64;
const newHeap = (maximum = MAXIMUM): Heap => new Heap(new webAssembly!.Memory({ initial: 1, maximum, shared: true }), START);

/** What is asked of a heap: bytes to allocate, or which of the live blocks to free or to shrink. */
type Step = { readonly alloc: number } | { readonly free: number } | { readonly shrink: number; readonly to: number };
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ alloc: fc.oneof(fc.nat(300), fc.nat(200_000), fc.nat(4_500_000)) }) },
    { weight: 3, arbitrary: fc.record({ free: fc.nat(1000) }) },
    { weight: 1, arbitrary: fc.record({ shrink: fc.nat(1000), to: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  ),
  { minLength: 1, maxLength: 120 },
);

describe("the heap", () => {
  it("keeps blocks apart, aligned and inside memory, counts them, and refuses what does not fit", () => {
    let refused = 0;
    fc.assert(fc.property(steps, (list: readonly Step[]) => {
      const heap = newHeap();
      const live: { readonly at: number; bytes: number; readonly mark: number }[] = [];
      const rounded = (bytes: number): number => Math.ceil(Math.max(1, bytes) / 64) * 64;
      let peak = 0;
      list.forEach((step, i) => {
        if ("free" in step) {
          if (live.length === 0) return;
          const [block] = live.splice(step.free % live.length, 1);
          expect(heap.i32(block!.at, 1)[0]).toBe(block!.mark);
          heap.free(block!.at);
          return;
        }
        if ("shrink" in step) {
          const block = live[step.shrink % Math.max(1, live.length)];
          if (block === undefined) return;
          block.bytes = Math.floor(block.bytes * step.to);
          heap.shrink(block.at, block.bytes);
          expect(heap.i32(block.at, 1)[0]).toBe(block.mark);
          expect(heap.used).toBe(live.reduce((n, b) => n + rounded(b.bytes), 0));
          return;
        }
        const used = live.reduce((n, b) => n + rounded(b.bytes), 0);
        let at: number;
        try {
          at = heap.alloc(step.alloc, "a block");
        } catch (e) {
          expect(e).toMatchObject({ code: "SP0613", details: { label: "a block", needed: step.alloc, used } });
          // No gap would have held it.
          const ends = [...live].sort((a, b) => a.at - b.at).reduce<{ free: number[]; end: number }>(({ free, end }, b) => ({ free: [...free, b.at - end], end: b.at + rounded(b.bytes) }), { free: [], end: Math.ceil(START / 64) * 64 });
          expect(Math.max(...ends.free, MAXIMUM * PAGE - ends.end)).toBeLessThan(rounded(step.alloc));
          refused++;
          return;
        }
        expect(at % 64).toBe(0);
        expect(at).toBeGreaterThanOrEqual(START);
        expect(at + step.alloc).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
        for (const other of live) expect(at + rounded(step.alloc) <= other.at || other.at + rounded(other.bytes) <= at).toBe(true);
        heap.i32(at, 1)[0] = i + 1;
        live.push({ at, bytes: step.alloc, mark: i + 1 });
        peak = Math.max(peak, used + rounded(step.alloc));
      });
      expect(heap.used).toBe(live.reduce((n, b) => n + rounded(b.bytes), 0));
      expect(heap.peak).toBe(peak);
      for (const block of live) heap.free(block.at);
      expect(heap.used).toBe(0);
      // Everything is one range again.
      const all = MAXIMUM * PAGE - Math.ceil(START / 64) * 64;
      heap.free(heap.alloc(all, "everything"));
      expect(() => heap.alloc(all + 1, "more than everything")).toThrow(/SP0613/);
    }), { seed: 5, numRuns: 150 });
    expect(refused).toBeGreaterThan(20);
  });

  it("refuses more than 4 GiB whatever memory there is, and free of what was not allocated", () => {
    const heap = newHeap(65536);
    expect(() => heap.alloc(2 ** 32, "too much")).toThrow(/SP0613.*too much needs 4294967296 bytes/);
    expect(() => heap.free(64)).toThrow(/nothing was allocated/);
    const at = heap.alloc(10, "a block");
    heap.free(at);
    expect(() => heap.free(at)).toThrow(/nothing was allocated/);
  });

  it("regions free their blocks together, once", () => {
    const heap = newHeap();
    const outside = heap.alloc(100, "outside");
    const region = new Region(heap);
    for (const bytes of [1, 1000, 70_000]) region.alloc(bytes, "inside");
    expect(region.bytes).toBe(71_001);
    expect(() => region.alloc(MAXIMUM * PAGE, "too much")).toThrow(/SP0613/);
    region.free();
    region.free();
    expect(heap.used).toBe(128);
    heap.free(outside);
  });
});
