import type { Engine } from "./engine.ts";
import { COLUMN_TILE, MASK_CHANNELS, TILE } from "./fields.ts";
import { optimisingAtOnce } from "./lanes.ts";
import type { CpuPlan } from "./plan.ts";

/** Multiplications after which V8 has optimised a function: at most 1.3e6 were needed in Node 24 where it does so at once. */
const WARM = 2e6;

/** What this process has found out: equal names are equal functions. */
const known = new Map<string, boolean>();

/**
 * Whether the module's multiplications give what products and sums rounded to float32 one by one give, bit for bit; with
 * fused arithmetic products may be added as they are.
 * Each is run until the engine's optimised code is what is checked, since only there lanes are joined; once in a process.
 * That is sure with `atOnce`, which sets a flag of the process meanwhile; without, a busy machine may optimise too late.
 */
export function knownAnswer(engine: Pick<Engine, "call" | "heap">, plan: Pick<CpuPlan, "checks" | "arithmetic">, atOnce: boolean, seen = known): boolean {
  return plan.checks.every((check) => {
    const key = `${plan.arithmetic} ${check.name} ${atOnce}`;
    const right = seen.get(key) ?? isRight(engine, check, plan.arithmetic === "fused", atOnce);
    seen.set(key, right);
    return right;
  });
}

function isRight(engine: Pick<Engine, "call" | "heap">, { name, cin, stride, accStride, vectors, matrixVectors = vectors, masks }: CpuPlan["checks"][number], fused: boolean, atOnce: boolean): boolean {
  const { heap } = engine;
  const columns = 4 * vectors;
  // With masks, columns go on in the next column tile; without, a row of the matrix has them all.
  const pitch = masks === undefined ? 4 * matrixVectors : COLUMN_TILE;
  const tiles = Math.ceil(columns / pitch);
  const step = cin * pitch;
  const weightAt = (k: number, c: number): number => Math.floor(c / pitch) * step + k * pitch + (c % pitch);
  const rows = 7;
  const at = { list: heap.alloc(4 * rows, "a check"), x: heap.alloc(4 * rows * stride, "a check"), acc: heap.alloc(4 * rows * accStride, "a check"), w: heap.alloc(4 * step * tiles, "a check"), masks: heap.alloc(8 * rows * Math.ceil(cin / MASK_CHANNELS), "a check") };
  heap.i32(at.list, rows).set(Array.from({ length: rows }, (_, i) => ((i * 3) % rows) * TILE + i));
  const x = heap.f32(at.x, rows * stride);
  const w = heap.f32(at.w, step * tiles);
  // Rows with no channel that is not zero, a third of them, two thirds, all.
  for (let i = 0; i < x.length; i++) x[i] = (i * 7) % 3 < Math.floor(i / stride) % 4 ? Math.sin(i + 1) : 0;
  for (let i = 0; i < w.length; i++) w[i] = Math.cos(3 * i + 1);
  const acc = heap.f32(at.acc, rows * accStride);
  const warm = (): void => {
    for (let round = 0; round * rows * cin * columns < WARM; round++) {
      acc.fill(0);
      if (masks !== undefined) engine.call(masks, at.list, at.list + 4 * rows, at.x, at.masks);
      engine.call(name, at.list, at.list + 4 * rows, at.x, at.acc, at.w, ...(masks === undefined ? [] : [4 * step, at.masks]));
    }
  };
  if (atOnce) optimisingAtOnce(warm);
  else warm();
  const good = (rounded: (product: number) => number): boolean => {
    for (let i = 0; i < rows; i++) {
      for (let c = 0; c < columns; c++) {
        let sum = 0;
        // Products of float32 are exact in float64.
        for (let k = 0; k < cin; k++) sum = Math.fround(sum + rounded(x[((i * 3) % rows) * stride + k]! * w[weightAt(k, c)]!));
        if (acc[i * accStride + c] !== sum) return false;
      }
    }
    return true;
  };
  const right = good(Math.fround) || (fused && good((product) => product));
  for (const address of Object.values(at)) heap.free(address);
  return right;
}
