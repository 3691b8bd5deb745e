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
}

/**
 * Room per site set: rows of inputs, what is asked for, or a guess from scanned surfaces; never more than can exist.
 * A pruned set has room for its parent's rows, whatever was asked: how many stay is not known before.
 */
export function capacitiesOf(plan: GeometryPlan, request: RoomRequest, bounds: readonly Bounds[]): readonly number[] {
  const room: number[] = [];
  const most: number[] = [];
  plan.sites.forEach((s, i) => {
    if (s.kind === "input") {
      room.push(request.rows[i]!);
      most.push(request.rows[i]!);
      return;
    }
    const parents = [s.of, ...(s.others ?? [])];
    const total = (of: readonly number[]): number => parents.reduce((sum, p) => sum + of[p]!, 0);
    most.push(Math.min(total(most) * outputsPerRow(s), boxCells(bounds[i]!) * request.batch));
    const guess = roomGuess(s, plan.sites[s.of]!, total(room));
    room.push(Math.min(request.capacities[i]! > 0 && s.kind !== "prune" ? request.capacities[i]! : guess, most[i]!));
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
