/** An RGB-D frame of a furnished room: a pinhole camera, depth along each pixel's ray, colours by surface. */
import type { Points } from "../../runtime/points/index.ts";
import { Random } from "../random.ts";
import { box, post, type Solid } from "./shapes.ts";

export interface CameraOptions {
  readonly width?: number;
  readonly height?: number;
  /** Horizontal field of view, degrees. */
  readonly fieldOfView?: number;
}

type Colour = readonly [number, number, number];

interface Thing {
  readonly solid: Solid;
  readonly colour: Colour;
}

const FLOOR = -1.4;

/** Points [x, y, z, r, g, b] in metres and 0 … 1, camera at the origin looking along x, z up; depth noise grows with its square. */
export function roomFrame(seed: number, options: CameraOptions = {}): Points {
  const { width = 320, height = 240, fieldOfView = 60 } = options;
  const things = room(new Random(seed, "room"));
  const random = new Random(seed, "pixels");
  const focal = width / 2 / Math.tan((fieldOfView * Math.PI) / 360);
  const points: number[] = [];
  for (let v = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      const ray = [focal, width / 2 - u - 0.5, height / 2 - v - 0.5] as const;
      const length = Math.sqrt(ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]);
      const [dx, dy, dz] = [ray[0] / length, ray[1] / length, ray[2] / length];
      let nearest = Infinity;
      let colour: Colour | undefined;
      for (const thing of things) {
        const distance = thing.solid.hit(dx, dy, dz);
        if (distance < nearest) [nearest, colour] = [distance, thing.colour];
      }
      if (colour === undefined || nearest > 8) continue;
      const depth = nearest + 0.002 * nearest * nearest * random.normal();
      const shade = 0.85 + 0.05 * random.normal();
      points.push(dx * depth, dy * depth, dz * depth, ...colour.map((c) => Math.min(1, Math.max(0, c * shade))));
    }
  }
  return { columns: 6, data: Float32Array.from(points) };
}

/** Floor, ceiling and walls as thin boxes, then furniture on the floor. */
function room(random: Random): readonly Thing[] {
  const depth = random.between(3.5, 6);
  const half = random.between(1.8, 2.8);
  const wall: Colour = [0.8, 0.78, random.between(0.6, 0.8)];
  const things: Thing[] = [
    thing(box(depth / 2, 0, FLOOR - 0.1, depth + 2, 2 * half, 0.1, 0, HARD), [0.5, 0.36, 0.22]),
    thing(box(depth / 2, 0, FLOOR + 2.6, depth + 2, 2 * half, 0.1, 0, HARD), [0.95, 0.95, 0.95]),
    thing(box(depth + 0.05, 0, FLOOR, 0.1, 2 * half, 2.6, 0, HARD), wall),
    thing(box(depth / 2, half + 0.05, FLOOR, depth + 2, 0.1, 2.6, 0, HARD), wall),
    thing(box(depth / 2, -half - 0.05, FLOOR, depth + 2, 0.1, 2.6, 0, HARD), wall),
  ];
  for (let n = 0; n < 7; n++) {
    const [x, y] = [random.between(1.6, depth - 0.4), random.between(-half + 0.3, half - 0.3)];
    const colour: Colour = [random.next(), random.next(), random.next()];
    if (n % 3 === 2) things.push(thing(post(x, y, FLOOR, random.between(0.08, 0.25), random.between(0.6, 1.8), HARD), colour));
    else things.push(thing(box(x, y, FLOOR, random.between(0.3, 1.2), random.between(0.3, 0.9), random.between(0.4, 1.1), random.between(0, 3), HARD), colour));
  }
  return things;
}

const HARD = { reflectance: 1 };

const thing = (solid: Solid, colour: Colour): Thing => ({ solid, colour });
