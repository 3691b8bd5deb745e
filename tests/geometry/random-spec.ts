import type { GeometrySpec } from "../../src/codegen/plan/geometry-spec.ts";
import { cloud, random } from "./clouds.ts";
import type { Rows } from "./oracle.ts";
import { SpecWriter, type Shape } from "./specs.ts";

/** A random network's geometry and a scene for it. */
export interface RandomCase {
  readonly spec: GeometrySpec;
  readonly inputs: Readonly<Record<string, Rows>>;
  readonly unbounded: boolean;
}

/**
 * Levels by reach and floor with odd, even, asymmetric and dilated kernels and strides 1 to 3, submanifold rulebooks
 * searched by half and whole, blocks in both directions, sorted copies.
 */
export function randomCase(seed: number): RandomCase {
  const next = random(seed);
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const dim = 1 + (seed % 4);
  const unbounded = seed % 3 !== 0;
  const extents = Array.from({ length: dim }, () => int(5, [120, 40, 16, 9][dim - 1]!));
  const list = (low: number, high: number): number[] => Array.from({ length: dim }, () => int(low, high));
  const most = [5, 4, 3, 3][dim - 1]!;
  const writer = new SpecWriter(dim).input("S", unbounded ? undefined : extents);
  const levels = ["S"];
  for (let level = 1; level <= int(1, 3); level++) {
    const of = levels[int(0, levels.length - 1)]!;
    const id = `L${level}`;
    const wanted = { forward: next() < 0.8, transposed: next() < 0.6 };
    if (next() < 0.3) {
      const s = list(1, 3);
      writer.floor(id, of, s).rulebook(`r${level}`, of, id, { k: list(1, most), s, p: list(-1, 2), d: list(1, 2) }, wanted);
    } else {
      const k = list(1, most);
      const shape: Shape = { k, s: list(1, 3), p: k.map((n) => int(0, n - 1)), d: next() < 0.3 ? list(1, 3) : 1 };
      // A grid that no output fits is refused before geometry.
      const fits = extents.every((n) => n >= 5);
      writer.reach(id, of, fits ? shape : { k: 1 }).rulebook(`r${level}`, of, id, shape, wanted);
    }
    levels.push(id);
  }
  levels.forEach((id, i) => {
    if (next() < 0.7) writer.subm(`s${i}`, id, list(0, 1).map((n) => 2 * n + 1), { forward: next() < 0.8, transposed: next() < 0.3 }, list(1, 2));
    else writer.rulebook(`w${i}`, id, id, { k: list(1, most), p: list(0, 1) }, { transposed: next() < 0.5 });
  });
  if (next() < 0.5) writer.sorted("S#sorted", "S");
  const rows = cloud({ seed: seed * 7 + 1, dim, rows: int(20, 250), extents, batch: int(1, 3), low: unbounded ? -int(0, 40) : 0 });
  return { spec: writer.spec, inputs: { S: rows }, unbounded };
}

/**
 * Sets on finer grids and unions: generated levels with odd, even, asymmetric and dilated kernels, unions of sets that
 * grew from one input, from two inputs and from both, levels derived from those, rulebooks between them in both directions.
 */
export function combinedCase(seed: number): RandomCase {
  const next = random(1000 + seed);
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const dim = 1 + (seed % 4);
  const unbounded = seed % 3 !== 0;
  const extents = Array.from({ length: dim }, () => int(6, [60, 20, 9, 6][dim - 1]!));
  const list = (low: number, high: number): number[] => Array.from({ length: dim }, () => int(low, high));
  const most = [5, 4, 3, 2][dim - 1]!;
  const bounds = unbounded ? undefined : extents;
  const writer = new SpecWriter(dim).input("S", bounds).input("T", bounds);
  const wanted = (): { readonly forward: boolean; readonly transposed: boolean } => ({ forward: next() < 0.7, transposed: next() < 0.7 });
  const point: Shape = { k: 1 };
  // Of one grid: the inputs, what grows from them without a stride, and their unions.
  const grown: Shape = { k: list(0, 1).map((n) => 2 * n + 1), d: 1 };
  writer.union("ST", "S", "T").reach("R", "S", { ...grown, p: (grown.k as number[]).map((k) => (k - 1) / 2) });
  writer.union("RT", "R", "T").union("all", "ST", "R", "T").rulebook("u0", "S", "ST", point, wanted()).rulebook("u1", "T", "RT", point, wanted()).rulebook("u2", "R", "all", point, wanted());
  const of = ["S", "R", "ST", "RT"][int(0, 3)]!;
  const k = list(1, most);
  const shape: Shape = { k, s: list(1, 3), p: k.map((n) => int(0, Math.min(1, n - 1))), d: next() < 0.4 ? list(1, 2) : 1 };
  writer.generate("G", of, shape).rulebook("g", "G", of, shape, wanted());
  const inner = writer.extentsOf("G");
  if (inner === undefined || inner.every((n) => n >= 3)) {
    writer.reach("H", "G", { k: list(1, most), s: list(1, 2), p: 0 }).floor("F", "G", list(1, 3)).generate("GG", "F", { k: 2, s: 2 }).rulebook("gg", "GG", "F", { k: 2, s: 2 }, wanted());
    if (next() < 0.5) writer.reach("L", "GG", { k: list(1, 2), s: list(1, 2) });
  }
  writer.subm("sub", "all", list(0, 1).map((n) => 2 * n + 1), wanted()).floor("down", "all", list(1, 3));
  const cloudOf = (of: number): Rows => cloud({ seed: seed * 11 + of, dim, rows: int(0, [60, 60, 40, 25][dim - 1]!), extents, batch: int(1, 3), low: unbounded ? -int(0, 30) : 0 });
  return { spec: writer.spec, inputs: { S: cloudOf(1), T: cloudOf(2) }, unbounded };
}
