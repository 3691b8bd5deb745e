/** How systems store kernels: orders of the axes, and the conversion from one order to another. */

/** An axis of a kernel: a spatial one by its number, input channels of a group, groups, output channels of a group. */
export type Axis = number | "in" | "group" | "out";

/** Sizes of a kernel. */
export interface KernelSizes {
  readonly kernel: readonly number[];
  /** Input channels of a group. */
  readonly cin: number;
  /** Output channels of all groups together. */
  readonly cout: number;
  readonly groups: number;
}

/** One way to store a kernel: the order of its axes from slowest to fastest, and the shapes in which that is written. */
export interface Form {
  readonly name: string;
  /** As messages show it. */
  readonly text: string;
  order(dim: number): readonly Axis[];
  shapes(sizes: KernelSizes): readonly (readonly number[])[];
}

/** Output channels, those of a group side by side. */
const OUT = ["group", "out"] as const;

const ascending = (dim: number): readonly number[] => Array.from({ length: dim }, (_, i) => i);
const volume = (kernel: readonly number[]): number => kernel.reduce((a, b) => a * b, 1);
/** A kernel with axes of its own; a plain matrix has none, and is not stored in such a form. */
const spatial = (kernel: readonly number[], shape: readonly number[]): readonly (readonly number[])[] => (kernel.length === 0 ? [] : [shape]);
const flat = ({ kernel, cin, cout }: KernelSizes): readonly (readonly number[])[] => [[volume(kernel), cin, cout], ...(volume(kernel) === 1 ? [[cin, cout]] : [])];

export const FORMS = {
  "out-k-in": {
    name: "out-k-in",
    text: "[Cout, k…, Cin]",
    order: (dim) => [...OUT, ...ascending(dim), "in"],
    shapes: ({ kernel, cin, cout }) => spatial(kernel, [cout, ...kernel, cin]),
  },
  "k-in-out": {
    name: "k-in-out",
    text: "[k…, Cin, Cout]",
    order: (dim) => [...ascending(dim), "in", ...OUT],
    shapes: ({ kernel, cin, cout }) => spatial(kernel, [...kernel, cin, cout]),
  },
  "k-out-in": {
    name: "k-out-in",
    text: "[k…, Cout, Cin]",
    order: (dim) => [...ascending(dim), ...OUT, "in"],
    shapes: ({ kernel, cin, cout }) => spatial(kernel, [...kernel, cout, cin]),
  },
  "out-in-k": {
    name: "out-in-k",
    text: "[Cout, Cin, k…]",
    order: (dim) => [...OUT, "in", ...ascending(dim)],
    shapes: ({ kernel, cin, cout }) => spatial(kernel, [cout, cin, ...kernel]),
  },
  "in-out-k": {
    name: "in-out-k",
    text: "[Cin, Cout / groups, k…]",
    order: (dim) => ["group", "in", "out", ...ascending(dim)],
    shapes: ({ kernel, cin, cout, groups }) => spatial(kernel, [cin * groups, cout / groups, ...kernel]),
  },
  "taps-first": {
    name: "taps-first",
    text: "[K, Cin, Cout], taps with the first axis fastest",
    order: (dim) => [...ascending(dim).toReversed(), "in", ...OUT],
    // MinkowskiEngine's channelwise kernels are [K, C].
    shapes: (sizes) => [...flat(sizes), ...(sizes.groups > 1 && sizes.groups === sizes.cout && sizes.cin === 1 ? [[volume(sizes.kernel), sizes.cout]] : [])],
  },
  "taps-last": {
    name: "taps-last",
    text: "[K, Cin, Cout], taps with the last axis fastest",
    order: (dim) => [...ascending(dim), "in", ...OUT],
    shapes: (sizes) => [...flat(sizes), [volume(sizes.kernel), 1, sizes.cin, sizes.cout]],
  },
  "taps-groups": {
    name: "taps-groups",
    text: "[K, groups, Cin / groups, Cout / groups], taps with the last axis fastest",
    order: (dim) => [...ascending(dim), "group", "in", "out"],
    shapes: ({ kernel, cin, cout, groups }) => spatial(kernel, [volume(kernel), groups, cin, cout / groups]),
  },
  // spconv 2 multiplies rows by weight.view(Cin, Cout) when there is one tap, whatever the shape says.
  "memory-in-out": {
    name: "memory-in-out",
    text: "one tap, its memory as [Cin, Cout]",
    order: (dim) => [...ascending(dim), "in", ...OUT],
    shapes: ({ kernel, cin, cout }) => (kernel.length === 0 ? [] : [[cout, ...kernel, cin], [...kernel, cin, cout], [...kernel, cout, cin]]),
  },
  "in-out": {
    name: "in-out",
    text: "[Cin, Cout]",
    order: (dim) => [...ascending(dim), "in", ...OUT],
    shapes: ({ cin, cout }) => [[cin, cout]],
  },
  "out-in": {
    name: "out-in",
    text: "[Cout, Cin]",
    order: (dim) => [...OUT, "in", ...ascending(dim)],
    shapes: ({ cin, cout }) => [[cout, cin]],
  },
} as const satisfies Readonly<Record<string, Form>>;

export type FormName = keyof typeof FORMS;

export const isFormName = (name: string): name is FormName => Object.hasOwn(FORMS, name);

/** Whether a stored shape can be read in a form. */
export function fits(form: Form, sizes: KernelSizes, shape: readonly number[]): boolean {
  const text = shape.join();
  return form.shapes(sizes).some((accepted) => accepted.join() === text);
}

/**
 * Moves elements of `size` bytes from one order of axes to another; `extent` gives the length of each axis. Row-major
 * on both sides. The bytes themselves where the orders agree.
 */
export function reorder(bytes: Uint8Array, size: number, from: readonly Axis[], to: readonly Axis[], extent: (axis: Axis) => number): Uint8Array {
  if (sameOrder(from, to, extent)) return bytes;
  const strides = new Map<Axis, number>();
  let step = size;
  for (const axis of from.toReversed()) {
    strides.set(axis, step);
    step *= extent(axis);
  }
  const lengths = to.map(extent);
  const steps = to.map((axis) => strides.get(axis)!);
  const out = new Uint8Array(bytes.byteLength);
  const index = new Array<number>(to.length).fill(0);
  let at = 0;
  for (let write = 0; write < out.byteLength; write += size) {
    for (let b = 0; b < size; b++) out[write + b] = bytes[at + b]!;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      at += steps[axis]!;
      if (++index[axis]! < lengths[axis]!) break;
      at -= lengths[axis]! * steps[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Whether two orders lay out the same bytes; axes of length 1 do not count. */
export function sameOrder(a: readonly Axis[], b: readonly Axis[], extent: (axis: Axis) => number): boolean {
  const long = (order: readonly Axis[]): string => order.filter((axis) => extent(axis) !== 1).join();
  return long(a) === long(b);
}
