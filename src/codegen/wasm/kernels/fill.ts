import { PARAMS, type FillSpec } from "../../wgsl/spec.ts";
import { i32 } from "../wat.ts";
import type { StepFunc } from "./frame.ts";
import { rowOf } from "./pool.ts";

/** Floats that one unit writes. */
const CHUNK = 16_384;

export const fillGroups = (spec: FillSpec): number => Math.ceil(spec.target.channels / CHUNK);

/** Writes one number per channel to every cell of a dense tensor, a part of a batch item per unit. */
export function fillBody(s: StepFunc, spec: FillSpec): void {
  const { f } = s;
  const { target, channels, run } = spec;
  const groups = fillGroups(spec);
  s.eachUnit(() => {
    const to = f.let("to", rowOf(s, target, i32.divU(s.unit.get, groups)));
    const first = f.let("first_float", i32.mul(i32.remU(s.unit.get, groups), CHUNK));
    const end = f.let("end", i32.minU(i32.add(first.get, CHUNK), target.channels));
    const i = f.local("i");
    f.for(i, first.get, end.get, 1, () => {
      const channel = run === 1 ? i32.remU(i.get, channels) : i32.divU(i.get, run);
      f.add(i32.store(i32.add(to.get, i32.mul(i.get, 4)), i32.load(i32.add(s.at(PARAMS), i32.mul(channel, 4)), 4 * spec.at)));
    });
  });
}
