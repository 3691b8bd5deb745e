import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALIGNMENT, placeBuffers, type Lifetime } from "../../src/runtime/placement.ts";

const lifetime: fc.Arbitrary<Lifetime> = fc
  .tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: -1, max: 30 }), fc.integer({ min: 0, max: 10 }))
  .map(([bytes, first, length]) => ({ bytes, live: [first, first + length] as const }));

describe("placement of feature buffers", () => {
  it("never lets two buffers that are alive together overlap, and aligns every offset", () => {
    fc.assert(
      fc.property(fc.array(lifetime, { maxLength: 40 }), (buffers) => {
        const { offsets, peak, lowerBound } = placeBuffers(buffers);
        buffers.forEach((a, i) => {
          expect(offsets[i]! % ALIGNMENT).toBe(0);
          expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(peak);
          buffers.forEach((b, j) => {
            if (i >= j || a.bytes === 0 || b.bytes === 0 || a.live[1] < b.live[0] || b.live[1] < a.live[0]) return;
            expect(offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!).toBe(true);
          });
        });
        expect(lowerBound).toBeLessThanOrEqual(peak);
      }),
    );
  });

  it("counts the live lower bound step by step", () => {
    fc.assert(
      fc.property(fc.array(lifetime, { maxLength: 20 }), (buffers) => {
        let most = 0;
        for (let step = -1; step <= 41; step++) {
          most = Math.max(most, buffers.filter((b) => b.live[0] <= step && step <= b.live[1]).reduce((n, b) => n + b.bytes, 0));
        }
        expect(placeBuffers(buffers).lowerBound).toBe(most);
      }),
    );
  });

  it("reuses the room of a chain: two buffers' worth whatever its length", () => {
    const chain = Array.from({ length: 50 }, (_, i): Lifetime => ({ bytes: 1024, live: [i, i + 1] }));
    expect(placeBuffers(chain).peak).toBe(2048);
  });
});
