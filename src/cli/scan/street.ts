/** A street to scan: buildings on both sides, cars parked and driving, poles and trees on the pavements. */
import type { Random } from "../random.ts";
import { box, ellipsoid, post, type Solid } from "./shapes.ts";

/** The road under a sensor mounted as on KITTI's car, metres. */
export const GROUND = -1.73;

const ROAD_HALF_WIDTH = 6;
const KERB_HEIGHT = 0.12;
const REACH = 82;

/** The solids of a street along x; the road itself is the plane z = GROUND. */
export function street(random: Random): readonly Solid[] {
  const solids: Solid[] = [];
  for (const side of [-1, 1]) {
    solids.push(pavement(side));
    buildings(solids, random, side);
    furniture(solids, random, side);
    for (let x = -REACH + random.between(0, 6); x < REACH; x += random.between(6, 16)) {
      if (Math.abs(x) > 4) car(solids, random, x, side * random.between(4.3, 4.8), random.between(-0.04, 0.04));
    }
  }
  for (let n = 0; n < 6; n++) {
    const x = random.between(9, REACH - 12) * (n % 3 === 2 ? -1 : 1);
    car(solids, random, x, n % 2 === 0 ? -1.8 : 1.8, random.between(-0.05, 0.05));
  }
  return solids;
}

const pavement = (side: number): Solid => box(0, side * (ROAD_HALF_WIDTH + 20), GROUND, 2 * REACH, 40, KERB_HEIGHT, 0, { reflectance: 0.32 });

function buildings(solids: Solid[], random: Random, side: number): void {
  for (let x = -REACH; x < REACH; ) {
    const length = random.between(8, 22);
    const depth = random.between(8, 14);
    const front = random.between(9.5, 15);
    solids.push(box(x + length / 2, side * (front + depth / 2), GROUND, length, depth, random.between(4, 14), 0, { reflectance: random.between(0.15, 0.45) }));
    x += length + (random.next() < 0.3 ? random.between(3, 12) : 0);
  }
}

function furniture(solids: Solid[], random: Random, side: number): void {
  for (let x = -REACH + random.between(0, 10); x < REACH; x += random.between(12, 22)) {
    solids.push(post(x, side * 6.6, GROUND, random.between(0.06, 0.14), random.between(4, 8), { reflectance: 0.55 }));
  }
  for (let x = -REACH + random.between(0, 10); x < REACH; x += random.between(7, 18)) {
    const y = side * random.between(7.2, 9);
    const trunk = random.between(1.8, 3);
    const radius = random.between(1, 2);
    const halfHeight = random.between(1.2, 2.4);
    solids.push(post(x, y, GROUND, random.between(0.1, 0.25), trunk + halfHeight, { reflectance: 0.2 }));
    solids.push(ellipsoid(x, y, GROUND + trunk + halfHeight, radius, halfHeight, { reflectance: 0.28, depth: 0.9 * radius }));
  }
}

function car(solids: Solid[], random: Random, x: number, y: number, yaw: number): void {
  const length = random.between(3.6, 4.8);
  const width = random.between(1.6, 1.9);
  const sill = random.between(0.75, 0.95);
  const paint = { reflectance: random.between(0.05, 0.7) };
  solids.push(box(x, y, GROUND + 0.18, length, width, sill - 0.18, yaw, paint));
  const back = -0.08 * length;
  solids.push(box(x + back * Math.cos(yaw), y + back * Math.sin(yaw), GROUND + sill, 0.52 * length, 0.88 * width, random.between(0.5, 0.7), yaw, { reflectance: 0.08 }));
}
