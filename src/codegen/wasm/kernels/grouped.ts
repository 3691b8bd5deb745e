import { TILE, TILE_BITS } from "../../../runtime/cpu/fields.ts";
import { pad4, PARAMS, type GroupedSpec } from "../../wgsl/spec.ts";
import type { Assembly } from "../assembly.ts";
import type { Local } from "../func.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import { columnGroups, groupWidth } from "./conv.ts";
import { finishTile, tileScratch } from "./epilogue.ts";
import type { StepFunc } from "./frame.ts";
import { listOf, tileLists } from "./lists.ts";
import { part, rowOf } from "./pool.ts";

/** Vectors of four columns per round of the loop over columns. */
const UNROLL = 4;

/**
 * Convolution in groups, depthwise above all: for a tile of 64 output rows, tap after tap, the rows that the tap's list
 * names are multiplied channel by channel, four columns at a time, and added to accumulators that stay in cache.
 */
export function groupedBody(assembly: Assembly, s: StepFunc, spec: GroupedSpec): void {
  const { f } = s;
  const [from, to] = spec.columns;
  const columns = to - from;
  const width = groupWidth(spec);
  const groups = columnGroups(spec);
  assembly.needScratch(tileScratch(width, spec.epilogue));
  s.eachTile(groups, () => {
    f.add(["memory.fill", s.scratch.get, ["i32.const", "0"], ["i32.const", String(4 * TILE * width)]]);
    const lists = tileLists(s, spec.map);
    const start = f.let("columnStart", groups === 1 ? 0 : i32.mul(s.group.get, width));
    const whole = columns - (columns % 4);
    const wholeEnd = f.let("wholeEnd", groups === 1 ? whole : i32.minU(i32.add(start.get, width), whole));
    const tap = f.local("tap");
    f.for(tap, 0, spec.map.taps.length, 1, () => {
      const [begin, end] = listOf(assembly, f, lists, spec.map, tap);
      const weights = f.let("weights", i32.add(i32.add(s.at(PARAMS), 4 * spec.weight), i32.mul(tap.get, 4 * spec.reads * pad4(columns))));
      f.while(i32.ltU(begin.get, end.get), () => {
        const entry = f.let("entry", i32.load(begin.get));
        const x = f.let("x", rowOf(s, spec.source, i32.shrU(entry.get, TILE_BITS)));
        const acc = f.let("acc", i32.add(s.scratch.get, i32.mul(i32.and(entry.get, TILE - 1), 4 * width)));
        const column = f.let("column", start.get);
        const vector = (count: number): void => {
          multiplyVector(assembly, s, spec, { x, weights, acc, column }, count);
          f.add(column.grow(4), acc.grow(16));
        };
        f.while(i32.ltU(i32.add(column.get, 4 * (UNROLL - 1)), wholeEnd.get), () => {
          for (let v = 0; v < UNROLL; v++) vector(4);
        });
        f.while(i32.ltU(column.get, wholeEnd.get), () => vector(4));
        if (columns > whole) {
          const rest = (): void => vector(columns - whole);
          if (groups === 1) rest();
          else f.if(i32.eq(s.group.get, groups - 1), rest);
        }
        f.add(begin.grow(4));
      });
    });
    finishTile(assembly, s, { at: s.scratch, width, columns, from }, spec.epilogue, spec.target);
  });
}

interface Place {
  /** Channel 0 of the input row, column 0 of the tap's weights, and the accumulators of `column`. */
  readonly x: Local;
  readonly weights: Local;
  readonly acc: Local;
  readonly column: Local;
}

/** acc += x · w for `count` columns, input channel by input channel of their groups; weights are zero beyond the last column. */
function multiplyVector(assembly: Assembly, s: StepFunc, spec: GroupedSpec, { x, weights, acc, column }: Place, count: number): void {
  const { f } = s;
  const at = i32.mul(column.get, 4);
  const stride = 4 * pad4(spec.columns[1] - spec.columns[0]);
  let sum: Sexpr = v128.load(acc.get);
  for (let i = 0; i < spec.reads; i++) {
    const w = v128.load(i32.add(weights.get, at), i * stride);
    const value = inputs(assembly, spec, x, column, i, count);
    sum = assembly.arithmetic === "fused" ? f32x4.madd(value, w, sum) : f32x4.add(sum, f32x4.mul(value, w));
  }
  f.add(v128.store(acc.get, sum));
}

/** The i-th input channel of each column's group. */
function inputs(assembly: Assembly, spec: GroupedSpec, x: Local, column: Local, i: number, count: number): Sexpr {
  const { reads, writes } = spec;
  const [from, to] = spec.columns;
  const at = i32.mul(column.get, 4);
  if (reads === 1 && writes === 1) return part(count, i32.add(i32.add(x.get, at), 4 * from));
  // Byte offset of the first input channel of each column's group.
  const offsets = assembly.table(Array.from({ length: to - from }, (_, o) => 4 * Math.floor((from + o) / writes) * reads));
  const address = (lane: number): Sexpr => i32.add(x.get, i32.load(at, offsets + 4 * lane));
  if (writes % 4 === 0 && from % 4 === 0) return v128.splat32(address(0), 4 * i);
  let value: Sexpr = ["v128.load32_zero", ...(i === 0 ? [] : [`offset=${4 * i}`]), address(0)];
  for (let lane = 1; lane < count; lane++) value = ["v128.load32_lane", ...(i === 0 ? [] : [`offset=${4 * i}`]), String(lane), address(lane), value];
  return value;
}
