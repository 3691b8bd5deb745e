import { SpnetError } from "./errors.ts";
import type { Bounds } from "./geometry/grid.ts";
import { checkPositions, locatePoints, pointRows, type CheckedPositions } from "./placed-points.ts";
import type { InputPlan, Plan } from "./plan.ts";

/** What the host makes of all points of a call, by index of the site set. */
export interface LocatedPoints {
  /** Points as [batch item, number], and their cells. */
  readonly rows: ReadonlyMap<number, Int32Array<ArrayBuffer>>;
  readonly bounds: ReadonlyMap<number, Bounds>;
  readonly fractions: ReadonlyMap<number, Float32Array<ArrayBuffer>>;
}

/** The points of one call, on their way to the device. */
export class PlacedPoints {
  readonly #plan: Plan;
  readonly #given = new Map<number, { readonly input: InputPlan; readonly positions: CheckedPositions }>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Batch items that the points name. */
  get batch(): number {
    return Math.max(0, ...[...this.#given.values()].map((g) => g.positions.batch));
  }

  /** Takes the positions of an input. Errors of `checkPositions`; SP0817 when another input on the points has other ones. */
  add(input: InputPlan, given: ArrayLike<number>, batch: number): void {
    const positions = checkPositions({ input: input.name, axes: input.axes }, given, batch);
    const known = this.#given.get(input.site);
    if (known !== undefined) samePositions(input.name, known.positions, positions);
    else this.#given.set(input.site, { input, positions });
  }

  /** Errors of `locatePoints`. */
  locate(): LocatedPoints {
    const { sites } = this.#plan.geometry;
    const wanted = new Set((this.#plan.fractions ?? []).map((f) => f.cells));
    const rows = new Map<number, Int32Array<ArrayBuffer>>();
    const bounds = new Map<number, Bounds>();
    const fractions = new Map<number, Float32Array<ArrayBuffer>>();
    for (const [site, { input, positions }] of this.#given) {
      rows.set(site, pointRows(positions, input.axes.length));
      bounds.set(site, { min: [0], max: [Math.max(0, positions.rows - 1)] });
      for (const [index, cells] of locatePoints(sites, site, input.name, positions, wanted)) {
        rows.set(index, cells.coords);
        bounds.set(index, cells.bounds);
        fractions.set(index, cells.fractions);
      }
    }
    return { rows, bounds, fractions };
  }
}

/** SP0817 unless two inputs on the same points have the same positions. */
export function samePositions(input: string, known: CheckedPositions, other: CheckedPositions): void {
  if (known.rows === other.rows && known.data.every((v, i) => v === other.data[i])) return;
  throw new SpnetError("SP0817", `\`${input}\` shares its points with another input, but their positions differ`);
}
