/** Whether one of two variants that took turns is the faster, and how sure that is. */
export interface Verdict {
  /** Median of the quotients candidate / current of the same round. */
  readonly ratio: number;
  /** Half the width of the median's 95 % interval. */
  readonly noise: number;
  readonly verdict: "faster" | "slower" | "equal";
}

/** Rounds before anything is believed, and after which nothing more is learned. */
export const LEAST_ROUNDS = 5;
export const MOST_ROUNDS = 11;

/** A difference below this is not worth another plan. */
const WORTH = 0.01;

/**
 * Judges quotients of paired times. The median's interval is 1.57 · IQR / √n (McGill, Tukey and Larsen, “Variations of box
 * plots”, 1978): a variant is faster only when all of it lies below 1.
 */
export function judge(ratios: readonly number[]): Verdict {
  const sorted = [...ratios].sort((a, b) => a - b);
  const at = (q: number): number => {
    const place = q * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low]! + (place - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
  };
  const ratio = at(0.5);
  const noise = (1.57 * (at(0.75) - at(0.25))) / Math.sqrt(sorted.length);
  if (ratios.length < LEAST_ROUNDS) return { ratio, noise, verdict: "equal" };
  const margin = Math.max(noise, WORTH);
  return { ratio, noise, verdict: ratio + margin < 1 ? "faster" : ratio - margin > 1 ? "slower" : "equal" };
}
