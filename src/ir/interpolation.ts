/** Where cell i of `to` lies among `from` cells: max(0, i · times + plus) / over, in the smallest whole numbers that say it. */
export interface CellPlaces {
  readonly from: number;
  readonly to: number;
  readonly times: number;
  readonly plus: number;
  readonly over: number;
}

/** By the centres of cells, or by the centres of the first and last ones, as PyTorch's `align_corners`. */
export function cellPlaces(from: number, to: number, corners: boolean): CellPlaces {
  if (corners) return { from, to, times: from - 1, plus: 0, over: Math.max(1, to - 1) };
  const by = [2 * from, to - from, 2 * to].reduce(divisor);
  return { from, to, times: (2 * from) / by, plus: (from - to) / by, over: (2 * to) / by };
}

/** Whether all of it can be counted with 32 bits. */
export const countable = ({ to, times, plus, over }: CellPlaces): boolean => Math.max((to - 1) * times, Math.abs(plus), over) < 2 ** 31;

const divisor = (a: number, b: number): number => (b === 0 ? Math.abs(a) : divisor(b, a % b));
