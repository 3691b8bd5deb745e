import { checkPositions, locatePoints, pointRows } from "../../runtime/placed-points.ts";
import type { InputPlan } from "../../runtime/plan.ts";
import { pointsOf } from "../wgsl/geometry/analysis.ts";
import type { GeometrySpec } from "./geometry-spec.ts";

/** Rows that an input brings, by index of their site set, and the fractions of its points by that of their cells. */
export interface PlacedInput {
  readonly coords: ReadonlyMap<number, Int32Array>;
  readonly fractions: ReadonlyMap<number, Float32Array>;
}

/** The rows of an input: its coordinates, or of points what the run time makes of their positions. */
export function placeInput({ sites }: GeometrySpec, input: InputPlan, given: Int32Array | Float32Array, wanted: ReadonlySet<number>): PlacedInput {
  if (sites[input.site]!.kind !== "points") return { coords: new Map([[input.site, given as Int32Array]]), fractions: new Map() };
  const index = new Map(sites.map((s, i) => [s.id, i]));
  const planned = sites.map(({ id, kind, dim, extents, stride, of, others, ...s }) => ({
    id, kind: kind === "points" || kind === "full" || kind === "cells" ? ("input" as const) : kind, dim, of: of === undefined || kind === "cells" ? -1 : index.get(of)!,
    ...(others === undefined ? {} : { others: others.map((o) => index.get(o)!) }), ...(extents && { extents }), ...(stride && { stride }), ...pointsOf({ id, kind, dim, ...(of === undefined ? {} : { of }), ...s }, index),
  }));
  const positions = checkPositions({ input: input.name, axes: input.axes }, given, 0);
  const cells = locatePoints(planned, input.site, input.name, positions, wanted);
  return {
    coords: new Map([[input.site, pointRows(positions, input.axes.length)], ...[...cells].map(([site, c]) => [site, c.coords] as const)]),
    fractions: new Map([...cells].map(([site, c]) => [site, c.fractions])),
  };
}
