import type { ForeignArgument, OperationSignature, ParameterSignature } from "../../parser/elaborate/host.ts";
import type { ValueId } from "../module.ts";
import type { Use } from "./use.ts";

export interface SurfaceParameter extends ParameterSignature {
  /** For the documentation: what holds when the argument is left out. */
  readonly fallback?: string;
}

/** An operation as users write it: the one place that knows its parameters, its conditions and what it becomes. */
export interface SurfaceOp extends OperationSignature {
  readonly parameters: readonly SurfaceParameter[];
  /** One sentence or two, for docs/LANGUAGE.md. */
  readonly doc: string;
  /** Names of the operation in other libraries. */
  readonly foreign: readonly string[];
  /** Answers to argument names of other libraries that mean something special here. */
  readonly foreignArguments?: Readonly<Record<string, ForeignArgument>>;
  /** Adds the operation to the network; undefined after reporting what is wrong. */
  build(use: Use): ValueId | undefined;
}

type Extra = Partial<Pick<SurfaceParameter, "choices" | "fallback">>;

export const required = (name: string, kind: ParameterSignature["kind"], doc: string, extra: Extra = {}): SurfaceParameter => ({ name, kind, required: true, doc, ...extra });
export const optional = (name: string, kind: ParameterSignature["kind"], doc: string, extra: Extra = {}): SurfaceParameter => ({ name, kind, required: false, doc, ...extra });

export const xParameter = required("x", "tensor", "the features");
export const cParameter = required("c", "int", "channels of the result");
export const biasParameter = optional("bias", "bool", "whether there is a bias", { fallback: "`false`" });
