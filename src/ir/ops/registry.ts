import { activeOp } from "./active.ts";
import { broadcastOp, fusedBroadcastOp } from "./broadcast.ts";
import { catOp, linearOp, sliceOp } from "./channels.ts";
import { convOp, submOp, upOp } from "./conv.ts";
import { toDenseOp } from "./dense.ts";
import { activationOps, addOp, bnOp, eluOp, leakyReluOp, mulOp, preluOp, shiftOp, softplusOp } from "./elementwise.ts";
import { bnScaleOp, bnShiftOp, foldAddOp, matmulOp, scaleInOp, scaleOutOp, sliceInOp, sliceOutOp, stackOutOp } from "./fold.ts";
import { activateOp, constantOp, multiplyOp, uniformOp } from "./fold-ground.ts";
import { fusedConvOp, fusedGroupedOp, fusedPointwiseOp, fusedPoolOp } from "./fused.ts";
import { fusedNormaliseOp, normaliseOp } from "./normalise.ts";
import { toGridOp } from "./grid.ts";
import { interpolateOp } from "./interpolate.ts";
import { groundOp } from "./ground.ts";
import type { OpDef } from "./op.ts";
import { fusedPairOp } from "./pair.ts";
import { bufferOp, deferredOp, geometryOp, packOp, stepOps } from "./plan.ts";
import { globalPoolOp, poolOp, unpoolOp } from "./pool.ts";
import { devoxelizeOp, voxelizeOp } from "./points.ts";
import { pruneOp } from "./prune.ts";
import { clipOp, quantiseOp, rescaleOp, saturateOp, scaleOp } from "./quantised.ts";
import { haloOp, rulebookSliceOp, searchOp, transposeOp } from "./rulebook.ts";
import { softmaxOp } from "./softmax.ts";
import { inputOp, paramOp } from "./source.ts";
import { unionOp } from "./union.ts";

/** Every operation of every level. Adding one is adding its name to a line here and its file beside it. */
const all: readonly OpDef[] = [
  ...[inputOp, groundOp, paramOp],
  ...[submOp, convOp, upOp, linearOp],
  ...[bnOp, normaliseOp, softmaxOp, broadcastOp, ...activationOps, eluOp, softplusOp, leakyReluOp, preluOp, addOp, mulOp, shiftOp, unionOp, activeOp, pruneOp, voxelizeOp, devoxelizeOp],
  ...[quantiseOp, clipOp, rescaleOp, saturateOp, scaleOp],
  ...[catOp, sliceOp, poolOp, unpoolOp, globalPoolOp, toDenseOp, toGridOp, interpolateOp],
  ...[searchOp, transposeOp, rulebookSliceOp, haloOp],
  ...[bnScaleOp, bnShiftOp, scaleOutOp, scaleInOp, matmulOp, foldAddOp, sliceInOp, sliceOutOp, stackOutOp],
  ...[constantOp, uniformOp, activateOp, multiplyOp],
  ...[fusedConvOp, fusedGroupedOp, fusedPointwiseOp, fusedPoolOp, fusedNormaliseOp, fusedBroadcastOp, fusedPairOp],
  ...[bufferOp, packOp, geometryOp, deferredOp, ...stepOps],
];

export const ops: ReadonlyMap<string, OpDef> = new Map(all.map((op) => [op.name, op]));

/** The registry entry of `name`; an unknown name is a fault of the compiler (the text reader checks names first). */
export function opDef(name: string): OpDef {
  const def = ops.get(name);
  if (def === undefined) throw new Error(`internal: unknown operation ${name}`);
  return def;
}
