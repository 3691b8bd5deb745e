/** What a library does where the file leaves a choice open. */
export interface Dialect {
  readonly name: string;
  readonly doc: string;
  /** Sites of `conv` and pools at stride 1. */
  readonly unitSites: "same" | "reach";
  /** Sites of strided ones; undefined where the library's rule depends on the data. */
  stridedSites(kernel: readonly number[], stride: readonly number[]): "reach" | "floor" | undefined;
  /** Padding of `conv` and pools on one axis. */
  padding(kernel: number, dilation: number): number;
  /** Padding of `subm` on one axis; undefined where the library refuses the kernel. */
  submPadding(kernel: number, dilation: number): number | undefined;
  /** Demands that a strided kernel fits the extents exactly. */
  readonly exactFit: boolean;
  /** `up` takes any kernel between two grids, whichever convolution went down. */
  readonly freeUp: boolean;
  readonly bnEps: number;
  /** What its instance norm adds to the variance; undefined where it has none of its own. */
  readonly instanceEps: number | undefined;
  readonly divisor: "count" | "volume";
  /** What an unpooled site takes of several rows; undefined where the library has no unpooling. */
  readonly unpool: "avg" | "sum" | undefined;
  readonly layout: string;
}

const centred = (k: number, d: number): number => Math.floor(k / 2) * d;
const odd = (k: number): boolean => k % 2 === 1;
const cornered = (k: number, d: number): number => (odd(k) ? centred(k, d) : 0);

const spconv: Dialect = {
  name: "spconv",
  doc: "spconv 1 and 2: `conv` reaches (`sites=reach`, also at stride 1), pads nothing unless told; `subm` is centred and odd",
  unitSites: "reach",
  stridedSites: () => "reach",
  padding: () => 0,
  submPadding: (k, d) => (odd(k) ? centred(k, d) : undefined),
  exactFit: false,
  freeUp: false,
  bnEps: 1e-5,
  instanceEps: undefined,
  divisor: "count",
  unpool: undefined,
  layout: "spconv2",
};

const minkowski: Dialect = {
  name: "minkowski",
  doc: "MinkowskiEngine: strided `conv` takes `floor(c / s)`, stride 1 keeps the sites; odd kernels are centred, even ones start at the site",
  unitSites: "same",
  stridedSites: () => "floor",
  padding: cornered,
  submPadding: cornered,
  exactFit: false,
  freeUp: true,
  bnEps: 1e-5,
  instanceEps: 1e-8,
  divisor: "count",
  unpool: "avg",
  layout: "minkowski",
};

const torchsparse: Dialect = {
  name: "torchsparse",
  doc: "TorchSparse 2: stride 1 keeps the sites; a kernel equal to its stride takes `floor(c / s)`; strided kernels pad nothing unless told",
  unitSites: "same",
  // Otherwise the bounds of the output grid come from the largest coordinate of the batch.
  stridedSites: (kernel, stride) => (stride.every((s, i) => s === 1 || s === kernel[i]) ? "floor" : undefined),
  padding: () => 0,
  submPadding: cornered,
  exactFit: false,
  freeUp: false,
  bnEps: 1e-5,
  instanceEps: undefined,
  divisor: "count",
  unpool: undefined,
  layout: "torchsparse",
};

const scn: Dialect = {
  name: "scn",
  doc: "SparseConvNet: `conv` reaches, pads nothing and must fit the extents exactly; averages divide by the kernel's volume",
  unitSites: "reach",
  stridedSites: () => "reach",
  padding: () => 0,
  submPadding: (k, d) => centred(k, d),
  exactFit: true,
  freeUp: false,
  bnEps: 1e-4,
  instanceEps: undefined,
  divisor: "volume",
  unpool: "sum",
  layout: "scn",
};

export const dialects: ReadonlyMap<string, Dialect> = new Map([spconv, minkowski, torchsparse, scn].map((d) => [d.name, d]));

/** PyTorch's, which all but SparseConvNet share. */
export const defaultEps = 1e-5;
export const defaultLayout = "spconv2";
