/** One network on as many voxels, and what each system takes, in milliseconds. */
export interface Anchor {
  readonly network: string;
  readonly rows: number;
  readonly batch: number;
  readonly published: { readonly spconv: number; readonly torchsparse: number; readonly warpconvnet: number; readonly minkowski: number };
}

const anchor = (network: string, batch: number, rows: number, [spconv, torchsparse, warpconvnet, minkowski]: readonly [number, number, number, number]): Anchor => ({ network, rows, batch, published: { spconv, torchsparse, warpconvnet, minkowski } });

/**
 * Published latencies of the CUDA systems, milliseconds: github.com/youngsm/sparse-conv-benchmarks, results/h200 (NVIDIA
 * H200 NVL, bf16 autocast, medians by CUDA events, inputs and rulebooks on the device, no readback), particle tracks of
 * PILArNet-M, which are not here: ours are made up, with as many voxels.
 */
export const ANCHORS: readonly Anchor[] = [
  anchor("small", 1, 4_690, [2.88, 1.25, 4.96, 2.42]),
  anchor("small", 16, 56_700, [3.89, 3.89, 6.2, 3.0]),
  anchor("medium", 1, 4_690, [3.86, 3.88, 7.22, 5.56]),
  anchor("medium", 16, 56_700, [7.95, 20.8, 9.21, 8.11]),
  anchor("large", 1, 4_690, [5.87, 12.01, 9.69, 10.23]),
  anchor("large", 16, 56_700, [23.83, 102.32, 15.69, 19.45]),
];
