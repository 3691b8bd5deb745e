import { broadcast } from "./broadcast.ts";
import { cat, plus, times } from "./combine.ts";
import { conv, subm } from "./conv.ts";
import { deconv } from "./deconv.ts";
import { denseConvs } from "./dense-conv.ts";
import { toDense } from "./dense.ts";
import { fromDense } from "./from-dense.ts";
import { norms } from "./norms.ts";
import type { SurfaceOp } from "./op.ts";
import { activations, leakyRelu, linear, prelu, rowwise } from "./pointwise.ts";
import { pools } from "./pool.ts";
import { devoxelize, voxelize } from "./points.ts";
import { prune } from "./prune.ts";
import { quantised } from "./quantised.ts";
import { union } from "./union.ts";
import { up } from "./up.ts";
import { upsample } from "./upsample.ts";

/** Every operation of the language, in the order of the documentation. Adding one is adding a line here and its entry. */
const all: readonly SurfaceOp[] = [subm, conv, up, deconv, linear, ...norms, ...activations, leakyRelu, prelu, ...rowwise, plus, times, union, prune, cat, ...pools, broadcast, voxelize, devoxelize, toDense, fromDense, ...denseConvs, upsample, ...quantised];

export const surfaceOps: ReadonlyMap<string, SurfaceOp> = new Map(all.map((op) => [op.name, op]));
