import { fileURLToPath } from "node:url";

/** A file that make-checkpoints.py has written. */
export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

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
