import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { DTYPES, WHOLE, type DType } from "../types.ts";
import { CLIP_LIMIT, MOST_SHIFT, MULTIPLIER_LIMIT } from "../whole.ts";
import { optional, xParameter, type SurfaceOp } from "./op.ts";
import type { ParamSpec } from "./params.ts";
import type { Use } from "./use.ts";

const perParameter = optional("per", "word", "whether the tensor has a number for each channel, or one for all", { choices: ["channel", "tensor"], fallback: "`channel`" });

/** The tensor that `w=` names whole, one number per channel or one for all of them. */
function vector(use: Use, channels: number, numbers: Pick<ParamSpec, "dtype" | "limit">): ParamSpec {
  const role = use.text("per") === "tensor" ? "scalar" : "channel";
  return { part: "", role, layout: "spconv2", shape: [channels], ...numbers };
}

const quantise: SurfaceOp = {
  name: "quantise",
  doc: "Makes int8 numbers of real ones: x / scale, rounded with halves to even, held to -128 … 127. Convolutions and linear layers of int8 numbers are those of a quantised network: their weights are int8, their bias and result int32.",
  weights: false,
  foreign: ["quantize", "QuantStub", "quantize_per_tensor", "QuantAct"],
  parameters: [xParameter, optional("scale", "float", "the real number that 1 stands for", { fallback: "`1`" })],
  build(use) {
    const x = use.rows("x");
    if (x === undefined) return undefined;
    const scale = use.float("scale", 1);
    if (scale >= 2 ** -100 && scale <= 2 ** 100) return use.add("quantise", [x.id], { scale });
    return use.report(diagnose("SP0307", { parameter: "scale", expected: "greater than 0 and no extreme", found: String(scale) }, [{ span: use.spanOf("scale"), text: "the real number that 1 stands for" }]));
  },
};

const rescale: SurfaceOp = {
  name: "rescale",
  doc: "x · multiplier / 2^shift in whole numbers, rounded once, as int16: sums of a layer to the steps of what follows. `w=` names the tensor of multipliers. `saturate` makes int8 of it, `+` adds it to another.",
  weights: true,
  foreign: ["requantize", "requantise", "fixedpoint_mul"],
  parameters: [
    xParameter,
    optional("shift", "int", `bits that the product is shifted by, 1 to ${MOST_SHIFT}`, { fallback: "16" }),
    optional("rounding", "word", "halves go to the even neighbour, or up as in `(v + 2^(shift - 1)) >> shift`", { choices: ["even", "up"], fallback: "`even`" }),
    perParameter,
  ],
  build(use) {
    const x = use.rows("x", WHOLE);
    if (x === undefined) return undefined;
    const shift = use.float("shift", 16);
    if (shift < 1 || shift > MOST_SHIFT) {
      return use.report(diagnose("SP0307", { parameter: "shift", expected: `1 to ${MOST_SHIFT}`, found: String(shift) }, [{ span: use.spanOf("shift"), text: "bits" }]));
    }
    const weights = use.params([vector(use, x.type.channels, { dtype: "i32", limit: MULTIPLIER_LIMIT })]);
    return weights && use.add("rescale", [x.id, ...weights], { shift, rounding: use.text("rounding") ?? "even" });
  },
};

const saturate: SurfaceOp = {
  name: "saturate",
  doc: "Holds whole numbers to -128 … 127 and makes int8 of them.",
  weights: false,
  foreign: [],
  parameters: [xParameter],
  build(use) {
    const x = use.rows("x", ["i16", "i32"]);
    return x && use.add("saturate", [x.id], {});
  },
};

function withVector(name: string, doc: string, numbers: readonly DType[], kind: Pick<ParamSpec, "dtype" | "limit">): SurfaceOp {
  return {
    name,
    doc,
    weights: true,
    foreign: [],
    parameters: [xParameter, perParameter],
    build(use) {
      const x = use.rows("x", numbers);
      const weights = x && use.params([vector(use, x.type.channels, kind)]);
      return x && weights && use.add(name, [x.id, ...weights], {});
    },
  };
}

const clip = withVector("clip", "min(max(x, 0), limit) in whole numbers: a relu6 whose 6 is another number in each channel. `w=` names the tensor of limits.", WHOLE, { dtype: "i32", limit: CLIP_LIMIT });
const scale = withVector("scale", "x times real factors, which makes real numbers of whole ones: back from a quantised network. `w=` names the tensor of factors.", DTYPES, {});

/** What stands between the layers of a quantised network. */
export const quantised: readonly SurfaceOp[] = [quantise, clip, rescale, saturate, scale];
