import { string, type Attrs } from "../module.ts";
import type { AttrDef } from "./op.ts";

/** Which taps of its box a kernel has. */
export const shapeAttr: AttrDef = {
  kind: "string",
  values: ["box", "cross"],
  default: "box",
  doc: "all taps of the kernel, or the centre and the taps that differ from it on one axis: weight [T, Cin, Cout] with the centre first, then axis by axis 1 … r, −r … −1",
};

/**
 * Flat taps (last axis fastest) of the box that a cross has, in the order of MinkowskiEngine's HYPER_CROSS (its
 * src/kernel_region.hpp): the centre, then axis after axis the offsets 1 … r, −r … −1. Kernels are odd.
 */
export function crossTaps(kernel: readonly number[]): readonly number[] {
  const steps = kernel.map((_, a) => kernel.slice(a + 1).reduce((product, k) => product * k, 1));
  const centre = kernel.reduce((sum, k, a) => sum + ((k - 1) / 2) * steps[a]!, 0);
  return [
    centre,
    ...kernel.flatMap((k, a) => {
      const r = (k - 1) / 2;
      return Array.from({ length: 2 * r }, (_, i) => centre + (i < r ? i + 1 : i - 2 * r) * steps[a]!);
    }),
  ];
}

/** The flat taps of its box that an op with these attributes has, in their order; undefined: all. */
export const tapsOf = (attrs: Attrs, kernel: readonly number[]): readonly number[] | undefined => (string(attrs, "shape") === "cross" ? crossTaps(kernel) : undefined);

/** The taps as the first axes of a weight: per axis of a box, one list of a cross. */
export const tapAxes = (attrs: Attrs, kernel: readonly number[]): readonly number[] => {
  const taps = tapsOf(attrs, kernel);
  return taps === undefined ? kernel : [taps.length];
};

type Visit = (tap: number, input: number, output: number) => void;

/** Hands on the pairs of the op's own taps, with their place in the op's order. */
export function ownTaps(attrs: Attrs, kernel: readonly number[], visit: Visit): Visit {
  const taps = tapsOf(attrs, kernel);
  if (taps === undefined) return visit;
  const places = new Map(taps.map((tap, i) => [tap, i]));
  return (tap, input, output) => {
    const place = places.get(tap);
    if (place !== undefined) visit(place, input, output);
  };
}
