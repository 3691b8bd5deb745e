/**
 * A spinning LiDAR in a made-up street: a pure function of its seed, shaped like a KITTI scan (64 beams from −24.8° to
 * +2°, 0.2° apart in azimuth, centimetre noise, coordinates in whole millimetres, reflectance in hundredths).
 */
import type { Points } from "../../runtime/points/index.ts";
import { Random } from "../random.ts";
import type { Solid } from "./shapes.ts";
import { GROUND, street } from "./street.ts";

export interface LidarOptions {
  /** Degrees around the forward direction that are kept. The default is what KITTI's camera sees, as its detectors train on. */
  readonly fieldOfView?: number;
  readonly beams?: number;
  /** Degrees between two firings of a beam. */
  readonly azimuthStep?: number;
  /** Metres beyond which nothing comes back. */
  readonly maxRange?: number;
  /** Standard deviation of the measured range, metres. */
  readonly noise?: number;
}

const LOWEST = -24.8;
const HIGHEST = 2;
const ROAD_REFLECTANCE = 0.25;
/** Share of beams that bring nothing back, near and at the far end. */
const LOST_NEAR = 0.04;
const LOST_FAR = 0.5;

/** Points [x, y, z, intensity] in metres and 0 … 1, azimuth by azimuth, top beam first. */
export function simulateScan(seed: number, options: LidarOptions = {}): Points {
  const { fieldOfView = 81, beams = 64, azimuthStep = 0.2, maxRange = 80, noise = 0.02 } = options;
  const solids = street(new Random(seed, "street"));
  const random = new Random(seed, "beams");
  const directions = elevations(beams);
  const steps = Math.round(fieldOfView / azimuthStep);
  const points: number[] = [];
  for (let step = 0; step < steps; step++) {
    const azimuth = radians((step - (steps - 1) / 2) * azimuthStep);
    const ax = Math.cos(azimuth);
    const ay = Math.sin(azimuth);
    const ahead = solids.filter((solid) => mayMeet(solid, ax, ay));
    for (const [cos, sin] of directions) {
      const [distance, solid] = nearest(ahead, ax * cos, ay * cos, sin);
      const inside = solid === undefined ? 0 : solid.depth * random.next();
      const range = distance + inside + noise * random.normal();
      const lost = random.next() < LOST_NEAR + (LOST_FAR - LOST_NEAR) * (distance / maxRange) ** 2;
      if (lost || range > maxRange) continue;
      const shine = (solid?.reflectance ?? ROAD_REFLECTANCE) + 0.04 * random.normal();
      points.push(millimetres(ax * cos * range), millimetres(ay * cos * range), millimetres(sin * range), Math.round(100 * Math.min(0.99, Math.max(0, shine))) / 100);
    }
  }
  return { columns: 4, data: Float32Array.from(points) };
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

const millimetres = (metres: number): number => Math.round(metres * 1000) / 1000;

/** Cosine and sine of each beam's elevation, from the top. */
function elevations(beams: number): readonly (readonly [cos: number, sin: number])[] {
  return Array.from({ length: beams }, (_, i) => {
    const angle = radians(HIGHEST - ((HIGHEST - LOWEST) * i) / Math.max(1, beams - 1));
    return [Math.cos(angle), Math.sin(angle)] as const;
  });
}

/** Whether the vertical half plane in direction (ax, ay) can touch the solid. */
function mayMeet({ bounds: { x, y, radius } }: Solid, ax: number, ay: number): boolean {
  const along = ax * x + ay * y;
  const aside = ax * y - ay * x;
  return along > -radius && Math.abs(aside) <= radius;
}

function nearest(solids: readonly Solid[], dx: number, dy: number, dz: number): readonly [distance: number, solid: Solid | undefined] {
  let best = dz < 0 ? GROUND / dz : Infinity;
  let found: Solid | undefined;
  for (const solid of solids) {
    const distance = solid.hit(dx, dy, dz);
    if (distance < best) {
      best = distance;
      found = solid;
    }
  }
  return [best, found];
}
