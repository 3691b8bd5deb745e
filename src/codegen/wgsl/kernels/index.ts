import type { FeatureSpec, Kernel } from "../spec.ts";
import { activeKernel } from "./active.ts";
import { convKernel } from "./conv.ts";
import { fillKernel } from "./fill.ts";
import { globalPoolKernel } from "./global-pool.ts";
import { groupedKernel } from "./grouped.ts";
import { interpolateKernel } from "./interpolate.ts";
import { broadcastKernel, normaliseKernel } from "./items.ts";
import { momentsKernel } from "./moments.ts";
import { pairKernel } from "./pair.ts";
import { devoxelizeKernel, voxelizeKernel } from "./points.ts";
import { rowNormKernel } from "./row-norm.ts";
import { pointwiseKernel, poolKernel } from "./rows.ts";
import { softmaxKernel } from "./softmax.ts";
import { statisticsKernel } from "./statistics.ts";

/** The WGSL of a feature kernel and how to launch it. Pure: the same specification gives the same text. */
export function buildKernel(spec: FeatureSpec): Kernel {
  switch (spec.kind) {
    case "conv":
      return convKernel(spec);
    case "grouped":
      return groupedKernel(spec);
    case "pointwise":
      return pointwiseKernel(spec);
    case "pool":
      return poolKernel(spec);
    case "global_pool":
      return globalPoolKernel(spec);
    case "softmax":
      return softmaxKernel(spec);
    case "active":
      return activeKernel(spec);
    case "interpolate":
      return interpolateKernel(spec);
    case "broadcast":
      return broadcastKernel(spec);
    case "moments":
      return momentsKernel(spec);
    case "statistics":
      return statisticsKernel(spec);
    case "normalise":
      return normaliseKernel(spec);
    case "row_norm":
      return rowNormKernel(spec);
    case "pair":
      return pairKernel(spec);
    case "voxelize":
      return voxelizeKernel(spec);
    case "devoxelize":
      return devoxelizeKernel(spec);
    case "fill":
      return fillKernel(spec);
    case "prune":
      throw new Error("internal: pruning is no kernel");
  }
}
