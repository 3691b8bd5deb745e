import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseSafetensors } from "../../../src/cli/files/safetensors.ts";
import { toNumbers } from "../../../src/cli/files/tensor.ts";
import { requiredTensors, type RequiredTensor } from "../../../src/cli/weights/required.ts";
import { compileSource } from "../../../src/ir/from-source.ts";
import { runLoadPhase } from "../../../src/runtime/load.ts";

/** A file that make-checkpoints.py has written. */
export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** What the run time makes of a file of weights for a network: kernels as [k…, Cin / groups, Cout], by required tensor. */
export function loadedFrom(file: string, net: string): readonly { readonly tensor: RequiredTensor; readonly data: Float64Array }[] {
  const written = parseSafetensors(file, readFileSync(file));
  const required = requiredTensors(compileSource("n", { readFile: () => net }).module!);
  const loaded = runLoadPhase(required.map(({ name, role, layout, shape }) => ({ op: "param" as const, name, role, layout, shape })), (name) => {
    const tensor = written.get(name);
    return tensor === undefined ? undefined : { shape: tensor.shape, data: toNumbers(tensor) };
  });
  return required.map((tensor, i) => ({ tensor, data: loaded[i]!.data }));
}

/** The network of LAYERS and NORMS in make-checkpoints.py, with weights stored in `layout`. */
export const layersNet = (layout: string): string => `spnet 1
net Layers {
  layout ${layout}
  sites S : (z: 16, y: 16, x: 16)
  input x : feat[S, 2]
  let a = x |> subm(4, k=3, bias=true, w="a.0") |> bn(w="a.norm") |> subm(4, k=[1, 3, 5], w="a.1") |> relu
  let b = a |> conv(3, k=2, s=2, w="b.conv") |> conv(2, k=[2, 1, 2], s=[2, 1, 2], w="b.flat") |> bn(w="b.norm")
  let c = b |> subm(5, k=1, w="c") |> subm(5, k=[3, 1, 1], w="d")
  output y = c |> linear(3, bias=true, w="head") |> linear(3, w="square")
}
`;
