/** Solids a ray from the origin can hit. Metres; x forward, y left, z up, the sensor at the origin. */

export interface Solid {
  /** A vertical cylinder around the solid, to leave out directions that cannot meet it. */
  readonly bounds: { readonly x: number; readonly y: number; readonly radius: number };
  /** 0 … 1, the intensity a beam brings back. */
  readonly reflectance: number;
  /** How far beams go on into the surface at most, as in foliage; 0 for a hard one. */
  readonly depth: number;
  /** Distance along the unit direction to the first hit, or Infinity. */
  hit(dx: number, dy: number, dz: number): number;
}

interface Surface {
  readonly reflectance: number;
  readonly depth?: number;
}

/** A box standing on `z`, turned by `yaw` about its vertical axis. */
export function box(x: number, y: number, z: number, length: number, width: number, height: number, yaw: number, surface: Surface): Solid {
  const cos = Math.cos(yaw);
  const sin = Math.sin(yaw);
  const ox = -(cos * x + sin * y);
  const oy = sin * x - cos * y;
  return {
    bounds: { x, y, radius: Math.sqrt(length * length + width * width) / 2 },
    reflectance: surface.reflectance,
    depth: surface.depth ?? 0,
    hit(dx, dy, dz) {
      const a = slab(ox, cos * dx + sin * dy, -length / 2, length / 2);
      const b = slab(oy, cos * dy - sin * dx, -width / 2, width / 2);
      const c = slab(0, dz, z, z + height);
      const enter = Math.max(a[0], b[0], c[0]);
      const leave = Math.min(a[1], b[1], c[1]);
      return enter > 0 && enter <= leave ? enter : Infinity;
    },
  };
}

/** Where o + t·d lies within [low, high]. */
function slab(o: number, d: number, low: number, high: number): readonly [number, number] {
  if (d === 0) return o >= low && o <= high ? [-Infinity, Infinity] : [Infinity, -Infinity];
  const a = (low - o) / d;
  const b = (high - o) / d;
  return a < b ? [a, b] : [b, a];
}

/** A vertical cylinder without caps, from `z` up. */
export function post(x: number, y: number, z: number, radius: number, height: number, surface: Surface): Solid {
  const outside = x * x + y * y - radius * radius;
  return {
    bounds: { x, y, radius },
    reflectance: surface.reflectance,
    depth: surface.depth ?? 0,
    hit(dx, dy, dz) {
      const a = dx * dx + dy * dy;
      const b = x * dx + y * dy;
      const under = b * b - a * outside;
      if (under < 0 || b <= 0) return Infinity;
      const t = (b - Math.sqrt(under)) / a;
      return dz * t >= z && dz * t <= z + height ? t : Infinity;
    },
  };
}

/** An ellipsoid round a vertical axis, around its centre. */
export function ellipsoid(x: number, y: number, z: number, radius: number, halfHeight: number, surface: Surface): Solid {
  const squash = radius / halfHeight;
  const cz = z * squash;
  const outside = x * x + y * y + cz * cz - radius * radius;
  return {
    bounds: { x, y, radius },
    reflectance: surface.reflectance,
    depth: surface.depth ?? 0,
    hit(dx, dy, dz) {
      const sz = dz * squash;
      const a = dx * dx + dy * dy + sz * sz;
      const b = x * dx + y * dy + cz * sz;
      const under = b * b - a * outside;
      return under < 0 || b <= 0 ? Infinity : (b - Math.sqrt(under)) / a;
    },
  };
}
