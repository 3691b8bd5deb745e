import { boxCells, type Bounds } from "./grid.ts";
import type { GeometryPlan, GeometrySite } from "./plan.ts";
import { volume } from "./record.ts";

/** What room depends on; lists go by site set. */
export interface RoomRequest {
  /** Rows of each input set; entries of derived sets are not read. */
  readonly rows: readonly number[];
  /** Batch items. */
  readonly batch: number;
  /** Room wanted per derived set; 0 asks for a guess. */
  readonly capacities: readonly number[];
  /** Whether pruned sets are to have room for every row of their parents. */
  readonly keepAll?: boolean;
}

/**
 * Room per site set: rows of inputs, what is asked for, or a guess from scanned surfaces; never more than can exist.
 * A pruned set has room for its parent's rows, whatever was asked: how many stay, features decide each time. Unless
 * transposed convolutions made those rows, which are made to be pruned: level after level of bounds would fill all space.
 */
export function capacitiesOf(plan: GeometryPlan, request: RoomRequest, bounds: readonly Bounds[]): readonly number[] {
  const room: number[] = [];
  const most: number[] = [];
  const grown: boolean[] = [];
  plan.sites.forEach((s, i) => {
    grown.push(s.kind === "generate" || (s.kind === "union" && [s.of, ...s.others!].some((p) => grown[p])));
    if (s.kind === "input") {
      room.push(request.rows[i]!);
      most.push(request.rows[i]!);
      return;
    }
    if (s.kind === "members") {
      room.push(room[s.of]!);
      most.push(most[s.of]!);
      return;
    }
    const parents = [s.of, ...(s.others ?? [])];
    const total = (of: readonly number[]): number => parents.reduce((sum, p) => sum + of[p]!, 0);
    most.push(Math.min(total(most) * outputsPerRow(s), boxCells(bounds[i]!) * request.batch));
    const bound = s.kind === "prune" && (request.keepAll === true || !grown[s.of]!);
    const guess = s.kind === "prune" && grown[s.of]! ? Math.ceil(total(room) / 3) + 1024 : roomGuess(s, plan.sites[s.of]!, total(room));
    room.push(Math.min(bound ? room[s.of]! : request.capacities[i]! > 0 ? request.capacities[i]! : guess, most[i]!));
  });
  return room;
}

/** Most outputs that one row reaches: taps that fit an input are stride / gcd(stride, dilation) apart on each axis. */
function outputsPerRow(site: GeometrySite): number {
  if (site.kind === "generate") return volume(site.kernel!);
  if (site.kind !== "reach") return 1;
  return volume(site.kernel!.map((k, a) => Math.ceil((k * commonDivisor(site.stride![a]!, site.dilation![a]!)) / site.stride![a]!)));
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/**
 * Room of a derived set when nothing is known. Surfaces that reach coarser cells grow at the first stride and shrink at
 * every further one (LiDAR scans: by 1.0 to 1.25, then to a half and less); without a stride they grow each time.
 * Transposed kernels as large as their stride make a block of cells per row; those of larger ones overlap in part.
 */
function roomGuess(site: GeometrySite, parent: GeometrySite, room: number): number {
  const strided = (s: GeometrySite): boolean => s.kind === "reach" && s.stride!.some((n) => n > 1);
  if (site.kind === "generate") {
    const blocks = volume(site.kernel!.map((k, a) => Math.min(k, site.stride![a]!)));
    return site.kernel!.every((k, a) => k <= site.stride![a]!) ? room * blocks : Math.ceil(1.5 * room * blocks) + 1024;
  }
  if (site.kind !== "reach") return room;
  if (!strided(site)) return 2 * room + 1024;
  return Math.ceil((strided(parent) ? 0.625 : 1.375) * room) + 1024;
}
