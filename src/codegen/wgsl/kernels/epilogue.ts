import { f32, int, u32 } from "../literal.ts";
import type { Bindings } from "../module.ts";
import { name } from "../namer.ts";
import type { DenseTarget, EpilogueStep, RowAccess } from "../spec.ts";
import { repeat, wgsl, type Hole, type Wgsl } from "../template.ts";
import { isDense, type RowFunctions, type Window } from "./access.ts";
import { groupsOf, quadsOf, type TileShape } from "./shape.ts";
import { smooth } from "./smooth.ts";
import { quantised, rescaleFunction, saturated } from "./whole.ts";

/** The columns a tile holds at some moment: channels [from, from + width) of the rows it will be stored to. */
export interface Columns {
  readonly from: number;
  readonly width: number;
}

/** Accumulator of row r and column group g of an invocation. */
export const acc = (r: number, g: number): Wgsl => wgsl`acc${int(r)}_${int(g)}`;

/** What an epilogue needs to know of the tile around it. */
export interface TileContext {
  readonly bindings: Bindings;
  readonly functions: RowFunctions;
  readonly shape: TileShape;
  /** Column tiles of the kernel; with more than one, `column` counts from the start of this workgroup's tile. */
  readonly tiles: number;
  /** Global row of the invocation's row r, and the condition under which it is stored. */
  readonly row: (r: number) => Wgsl;
  readonly stored: (r: number) => Wgsl;
  /** Condition for an emit, where it differs from `stored`. */
  readonly emitted?: (r: number) => Wgsl;
  /** Emits y = y·W for a linear step: from the accumulators of `from` columns to fresh ones. */
  readonly linear?: (from: Columns, step: Extract<EpilogueStep, { do: "linear" }>) => Hole;
}

/** Column quad of group g; `quad0` is the invocation's first. */
export const quad = (shape: TileShape, g: number): Wgsl => (g === 0 ? wgsl`quad0` : wgsl`quad0 + ${u32(g * shape.threads)}`);

/** Quads that this workgroup has in group g may be beyond the last one; then reads are void and writes must not be. */
export function needsGuard(shape: TileShape, tiles: number, width: number): boolean {
  return tiles * shape.threads * groupsOf(shape, Math.ceil(quadsOf(width) / tiles)) !== quadsOf(width);
}

const groupCount = (context: TileContext, width: number): number =>
  groupsOf(context.shape, Math.ceil(quadsOf(width) / context.tiles));

/** One statement per row and column group. */
function each(context: TileContext, width: number, statement: (r: number, g: number) => Hole): Hole {
  const { shape } = context;
  return repeat(shape.perThread, (r) => repeat(groupCount(context, width), (g) => statement(r, g)));
}

/**
 * As `each`, inside one condition per row, and a guard for quads beyond the last. One branch per row, not one per row
 * and column group: compilers that keep every accumulator apart across branches take minutes over many of them.
 */
function guarded(context: TileContext, width: number, when: (r: number) => Wgsl, statement: (r: number, g: number) => Wgsl): Hole {
  const { shape } = context;
  const groups = groupCount(context, width);
  const guard = needsGuard(shape, context.tiles, width);
  return repeat(shape.perThread, (r) => {
    if (groups === 1 && !guard) return wgsl`if (${when(r)}) { ${statement(r, 0)} }`;
    return wgsl`
      if (${when(r)}) {
        ${repeat(groups, (g) => (guard ? wgsl`if (${quad(shape, g)} < ${u32(quadsOf(width))}) { ${statement(r, g)} }` : statement(r, g)))}
      }`;
  });
}

/** The steps in order, on the accumulators, then the store to `target` unless it is absent. */
export function epilogue(
  context: TileContext, steps: readonly EpilogueStep[], start: Columns, target: RowAccess | DenseTarget | undefined,
): Hole {
  let columns = start;
  const lines = steps.map((step): Hole => {
    const text = stepText(context, step, columns);
    if (step.do === "linear") columns = { from: 0, width: step.cout };
    return text;
  });
  return [...lines, target === undefined ? undefined : storeTo(context, target, columns, context.stored)];
}

/** Every row window the steps and the target touch, for {@link RowFunctions}. */
export function epilogueWindows(steps: readonly EpilogueStep[], start: Columns, target: RowAccess | DenseTarget | undefined): Window[] {
  const windows: Window[] = [];
  let columns = start;
  for (const step of steps) {
    if (step.do === "add" || step.do === "mul") windows.push({ access: step.source, ...columns });
    if (step.do === "emit") windows.push({ access: step.target, ...columns });
    if (step.do === "linear") columns = { from: 0, width: step.cout };
  }
  if (target !== undefined && !isDense(target)) windows.push({ access: target, ...columns });
  return windows;
}

/** Widths of the tile through the epilogue: the first, then one per linear step. */
export const stageWidths = (steps: readonly EpilogueStep[], first: number): number[] =>
  [first, ...steps.flatMap((s) => (s.do === "linear" ? [s.cout] : []))];

function stepText(context: TileContext, step: EpilogueStep, columns: Columns): Hole {
  const { shape } = context;
  switch (step.do) {
    case "bias":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} += ${vector(context, step.at, g)};`);
    case "affine":
      return each(context, columns.width, (r, g) =>
        wgsl`${acc(r, g)} = ${acc(r, g)} * ${vector(context, step.scale, g)} + ${vector(context, step.shift, g)};`,
      );
    case "scale":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} *= ${vector(context, step.at, g)};`);
    case "clip":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = min(max(${acc(r, g)}, vec4f()), ${vector(context, step.at, g)});`);
    case "prelu":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = select(${acc(r, g)}, ${acc(r, g)} * ${vector(context, step.at, g)}, ${acc(r, g)} < vec4f());`);
    case "rescale": {
      const rescale = rescaleFunction(context.functions, step);
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = ${rescale}(${acc(r, g)}, ${vector(context, step.multiplier, g)});`);
    }
    case "saturate":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = ${saturated(acc(r, g), step.bits)};`);
    case "quantise":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = ${quantised(acc(r, g), step.scale)};`);
    case "add":
    case "mul": {
      const load = context.functions.load({ access: step.source, ...columns });
      const sign = step.do === "add" ? wgsl`+=` : wgsl`*=`;
      return guarded(context, columns.width, (r) => context.stored(r), (r, g) =>
        wgsl`${acc(r, g)} ${sign} ${load}(${context.row(r)}, ${quad(shape, g)});`,
      );
    }
    case "relu":
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = select(${acc(r, g)}, vec4f(), ${acc(r, g)} < vec4f());`);
    case "relu6":
      return each(context, columns.width, (r, g) => {
        const y = acc(r, g);
        return wgsl`${y} = select(select(${y}, vec4f(), ${y} < vec4f()), vec4f(${f32(6)}), ${y} > vec4f(${f32(6)}));`;
      });
    case "leaky_relu":
      return each(context, columns.width, (r, g) =>
        wgsl`${acc(r, g)} = select(${acc(r, g)}, ${acc(r, g)} * ${f32(step.slope)}, ${acc(r, g)} < vec4f());`,
      );
    case "sigmoid":
    case "silu":
    case "tanh":
    case "gelu":
    case "gelu_tanh":
    case "softplus":
    case "elu": {
      const formula = smooth(step);
      return each(context, columns.width, (r, g) => wgsl`${acc(r, g)} = ${formula(acc(r, g))};`);
    }
    case "emit":
      return storeTo(context, step.target, columns, context.emitted ?? context.stored);
    case "linear":
      if (context.linear === undefined || columns.from !== 0 || context.tiles !== 1) {
        throw new Error("internal: a linear step needs all columns in one tile");
      }
      return context.linear(columns, step);
  }
}

function storeTo(context: TileContext, target: RowAccess | DenseTarget, columns: Columns, when: (r: number) => Wgsl): Hole {
  const store = context.functions.store(target, columns.from, columns.width);
  return guarded(context, columns.width, when, (r, g) =>
    wgsl`${store}(${context.row(r)}, ${quad(context.shape, g)}, ${acc(r, g)});`,
  );
}

/** Four entries of a per-channel vector of the params block. */
function vector(context: TileContext, at: number, g: number): Wgsl {
  const start = quadOffset(at);
  return wgsl`${context.bindings.params()}[${at === 0 ? undefined : wgsl`${start} + `}${quad(context.shape, g)}]`;
}

/** A float offset of the params block in quads. */
export function quadOffset(at: number): ReturnType<typeof u32> {
  if (at % 4 !== 0) throw new Error(`internal: params offset ${at} is not a multiple of 4`);
  return u32(at / 4);
}

/** Declares the accumulators of a stage, zero. */
export function declareAccumulators(shape: TileShape, groups: number): Hole {
  return repeat(shape.perThread, (r) => repeat(groups, (g) => wgsl`var ${name(`acc${r}_${g}`)} = vec4f();`));
}
