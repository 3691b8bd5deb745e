import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Span } from "../span.ts";
import type { Value } from "./values.ts";

/**
 * What elaboration needs from the other side: the operations of the language and the network they build. The parser
 * knows neither the operations nor the IR; `src/ir/from-source.ts` provides this.
 */
export interface ElaborationHost {
  /** By name; `+` and `*` on tensors are the operations of those names. */
  readonly operations: ReadonlyMap<string, OperationSignature>;
  /** The answer to an operation name of another library. */
  foreignOperation(name: string): ForeignOperation | undefined;
  /** The answer to an argument name of another library; undefined when the name means nothing anywhere. */
  foreignArgument(operation: string, name: string): ForeignArgument | undefined;
  beginNet(name: string, report: (diagnostic: Diagnostic) => void): NetHost;
}

export type ForeignOperation =
  | { readonly kind: "spelled"; readonly spelling: string; readonly note?: string }
  /** Known and planned: `what` completes “this version of spnet does not have …”. */
  | { readonly kind: "later"; readonly what: string; readonly note?: string }
  | { readonly kind: "needless"; readonly why: string };

export type ForeignArgument =
  | { readonly kind: "spelled"; readonly spelling: string }
  | { readonly kind: "needless"; readonly why: string }
  | { readonly kind: "later"; readonly what: string; readonly note?: string };

export type ParameterKind = "tensor" | "tensors" | "int" | "float" | "bool" | "text" | "ints" | "floats" | "numbers" | "word" | "onto" | "sites";

export interface ParameterSignature {
  readonly name: string;
  readonly kind: ParameterKind;
  /** False when the operation has a default or can do without. */
  readonly required: boolean;
  readonly doc: string;
  /** The words of a `word` parameter. */
  readonly choices?: readonly string[];
}

export interface OperationSignature {
  readonly name: string;
  readonly parameters: readonly ParameterSignature[];
  /** True when it has weights, so that `w=` names them. */
  readonly weights: boolean;
}

export interface Argument {
  readonly value: Value;
  readonly span: Span;
}

/** One use of an operation. */
export interface Call {
  /** The operation's name in the source. */
  readonly span: Span;
  /** Calls of blocks that led here, innermost first. */
  readonly via: readonly Span[];
  readonly arguments: ReadonlyMap<string, readonly Argument[]>;
  /** Weight path, complete; empty for an operation without weights. */
  readonly path: string;
}

export interface Place {
  readonly span: Span;
  readonly via: readonly Span[];
}

/** A network under construction. Every method reports what is wrong through the given function. */
export interface NetHost {
  setDialect(name: string, span: Span): void;
  setLayout(name: string, span: Span): void;
  /** Returns the handle of the set. */
  declareSites(name: string, axes: readonly string[], extents: readonly number[] | undefined, ground: GroundValue | undefined): string;
  declarePoints(name: string, axes: readonly string[]): string;
  /** The set of voxels that points are in; undefined after reporting. */
  declareVoxels(name: string, axes: readonly string[], extents: readonly number[] | undefined, voxels: VoxelsValue): string | undefined;
  /** The sites of `root` on a grid that is coarser by a stride, each cell divided by it and rounded down. */
  coarseSites(root: string, stride: number | readonly number[]): string;
  input(name: string, sites: string, channels: number, place: Place): Tensor;
  /** A dense tensor of the caller's: channels, then the extent of each axis; undefined after reporting. */
  denseInput(name: string, shape: readonly number[], place: Place): Tensor | undefined;
  output(name: string, tensor: Tensor, place: Place): void;
  /** Runs an operation; the error value after reporting. */
  call(operation: OperationSignature, call: Call): Value;
  describe(tensor: Tensor): TensorType;
  /** Where the tensor was made, for second labels. */
  origin(tensor: Tensor): Span;
  readonly operationCount: number;
}

/** What inactive sites hold: one number for all channels, or one per channel. */
export interface GroundValue {
  readonly value: number | readonly number[];
  readonly span: Span;
}

/** The arguments of `voxels(…)`. */
export interface VoxelsValue {
  readonly points: { readonly id: string; readonly span: Span };
  readonly size: { readonly value: number | readonly number[]; readonly span: Span };
  readonly origin: { readonly value: number | readonly number[]; readonly span: Span } | undefined;
  readonly rounding: "floor" | "nearest";
  readonly outside: { readonly value: "error" | "drop"; readonly span: Span };
  readonly maxVoxels: number | undefined;
  readonly span: Span;
}

/** A value of the network, known to the host alone. */
export interface Tensor {
  readonly id: number;
}

export interface SitesType {
  readonly id: string;
  /** The input set it derives from, and the product of strides since. */
  readonly root: string;
  readonly stride: readonly number[];
}

/** Kinds of numbers, as types name them: real ones, which go without saying, or the whole ones of quantised networks. */
export const NUMBERS = ["real", "int8", "int16", "int32"] as const;

export type Numbers = (typeof NUMBERS)[number];

export type TensorType =
  | { readonly kind: "feat"; readonly sites: SitesType; readonly channels: number; readonly numbers: Numbers }
  | { readonly kind: "vec"; readonly sites: SitesType; readonly channels: number; readonly numbers: Numbers }
  | { readonly kind: "dense"; readonly shape: readonly number[]; readonly numbers: Numbers };

/** How a message names a tensor: `feat[S/2, 32]`, `vec[10, int8]`. */
export function printTensor(type: TensorType): string {
  const numbers = type.numbers === "real" ? "" : `, ${type.numbers}`;
  switch (type.kind) {
    case "feat":
      return `feat[${type.sites.id}, ${type.channels}${numbers}]`;
    case "vec":
      return `vec[${type.channels}${numbers}]`;
    case "dense":
      return `dense[${type.shape.join(", ")}]`;
  }
}
