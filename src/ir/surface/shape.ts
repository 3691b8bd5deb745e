import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { crossTaps } from "../ops/shape.ts";
import type { SiteRule } from "./geometry.ts";
import { optional } from "./op.ts";
import type { Use } from "./use.ts";

export type KernelShape = "box" | "cross";

export const shapeParameter = optional("shape", "word", "taps of the kernel: all of them, or the centre and its neighbours along the axes (MinkowskiEngine's HYPER_CROSS)", {
  choices: ["box", "cross"],
  fallback: "`box`",
});

/** The shape of a kernel; undefined after reporting a cross that cannot be. */
export function readShape(use: Use, kernel: readonly number[], rule: SiteRule | "given"): KernelShape | undefined {
  if (use.text("shape") !== "cross") return "box";
  const no = (why: string): undefined => use.report(diagnose("SP0447", { why }, [{ span: use.spanOf("shape"), text: "not possible here" }]));
  if (kernel.some((k) => k % 2 === 0)) return no("an even kernel has no centre");
  if (rule === "reach") return no("sites that are reached follow the whole kernel; write `sites=floor` or `sites=same`");
  const groups = use.value("groups");
  if (groups?.kind === "int" && groups.value > 1) return no("convolutions in groups have whole kernels");
  return "cross";
}

/** First axes of the weight of a kernel of this shape. */
export const weightAxes = (shape: KernelShape, kernel: readonly number[]): readonly number[] => (shape === "box" ? kernel : [crossTaps(kernel).length]);
