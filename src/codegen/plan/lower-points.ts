import { number, siteAttr, typeOf, type Module, type Op } from "../../ir/module.ts";
import { modeOf, weightsOf } from "../../ir/ops/points.ts";
import type { SiteId } from "../../ir/sites.ts";
import type { Type } from "../../ir/types.ts";
import type { MapAccess, RowAccess } from "../wgsl/spec.ts";
import { regionKey, type GeometryDraft } from "./geometry-draft.ts";
import type { MemoryDraft, Place } from "./memory-draft.ts";
import { Roles, type SpecBody } from "./step-draft.ts";

/** What steps between points and voxels are lowered into. */
export interface PointSteps {
  readonly module: Module;
  readonly geometry: GeometryDraft;
  readonly memory: MemoryDraft;
  /** Buffers of the fractions of points, by their cells. */
  readonly placed: Map<string, number>;
  push(spec: SpecBody, rows: Type, roles: Roles, loc: Op["loc"]): void;
}

/** A reduction of the points of each row. */
export function lowerVoxelize(steps: PointSteps, op: Op): void {
  const roles = new Roles();
  const onto = siteAttr(op.attrs, "onto");
  const source = roles.read("x", steps.memory.place(op.operands[0]!, "x"));
  const members = roles.region("members", `coords:${steps.geometry.members(onto)}`);
  const target = roles.write("out", steps.memory.place(op.results[0]!, "voxels"));
  steps.push({ kind: "voxelize", source, members, mode: modeOf(op.attrs), most: number(op.attrs, "most"), epilogue: [], target }, typeOf(steps.module, op.results[0]!), roles, op.loc);
}

/** The row of the site that a point is in, or a sum over the corners around it. */
export function lowerDevoxelize(steps: PointSteps, op: Op): void {
  const roles = new Roles();
  const [x, result] = [op.operands[0]!, op.results[0]!];
  const [from, rows] = [typeOf(steps.module, x), typeOf(steps.module, result)];
  if (from.kind !== "feat" || rows.kind !== "feat") throw new Error("internal: devoxelize of no sites");
  const source = roles.read("x", steps.memory.place(x, "x"));
  const weights = weightsOf(op.attrs);
  const { cells, ...found } = steps.geometry.locate(from.sites, weights !== "nearest");
  const map: MapAccess = { role: roles.region("map", regionKey(found, found.form)), stored: found.stored, taps: found.taps };
  const out = (): RowAccess => roles.write("out", steps.memory.place(result, "points"));
  if (weights === "nearest") return steps.push({ kind: "pool", source, map, mode: "sum", divisor: "count", epilogue: [], target: out() }, rows, roles, op.loc);
  const fractions = roles.read("fractions", fractionsOf(steps, cells, rows.sites, steps.module.sites.dim(from.sites)));
  steps.push({ kind: "devoxelize", source, map, fractions, scaled: weights === "present", epilogue: [], target: out() }, rows, roles, op.loc);
}

/** Where the places of points between the corners of their cells lie. */
function fractionsOf({ memory, placed }: PointSteps, cells: string, points: SiteId, channels: number): Place {
  const known = placed.get(cells);
  const buffer = known ?? memory.add({ label: cells, rows: points, shape: [channels], zero: false, input: "", fractions: cells });
  placed.set(cells, buffer);
  return { buffer, channels, stride: channels, offset: 0 };
}
