/**
 * Whether one of two variants that took turns is the faster, by the sign test: how many rounds a candidate loses says
 * nothing else than how likely that is among equals, whatever the noise looks like. The number of rounds is fixed before
 * the first; a comparison may end early only where the candidate cannot win any more, which wins nothing by chance.
 */
export interface Verdict {
  /** Median of the quotients candidate / current of the same round. */
  readonly ratio: number;
  /** The median's interval: the quotients that are left when `SPARE` are taken away at either end; all there is, where it ended early. */
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  readonly verdict: "faster" | "not faster";
}

/** How often a whole tuning may choose anything at all, at most, on a network where nothing is faster. */
export const FALSE_WINS = 0.05;

/** A smaller gain, as part of the time, is not worth another plan. */
export const MARGIN = 0.02;

/** Rounds that a winner may lose: a machine that does other work spoils a few. */
const SPARE = 2;

/**
 * Rounds of each of so many comparisons, such that all of them together find a false winner in `FALSE_WINS` of tunings
 * at most (Bonferroni): a candidate that is no faster loses at most `SPARE` of n rounds with P ≤ Σ (n over i) / 2ⁿ.
 */
export function roundsFor(comparisons: number): number {
  let rounds = 2 * SPARE + 1;
  while (chanceOfFewLosses(rounds) > FALSE_WINS / comparisons) rounds++;
  return rounds;
}

function chanceOfFewLosses(rounds: number): number {
  let [ways, sum] = [1, 0];
  for (let losses = 0; losses <= SPARE; losses++) {
    sum += ways;
    ways = (ways * (rounds - losses)) / (losses + 1);
  }
  return sum / 2 ** rounds;
}

/** Whether a candidate has lost more rounds than a winner may: the others need not be measured. */
export const isHopeless = (ratios: readonly number[]): boolean => ratios.filter((r) => !(r < 1)).length > SPARE;

/** Judges the quotients of a comparison of `rounds`; fewer of them than that never win. */
export function judge(ratios: readonly number[], rounds: number): Verdict {
  const sorted = [...ratios].sort((a, b) => a - b);
  const ratio = median(sorted);
  const whole = ratios.length >= rounds;
  const [low, high] = whole ? [sorted[SPARE]!, sorted[sorted.length - 1 - SPARE]!] : [0, Infinity];
  const wins = whole && !isHopeless(ratios) && ratio < 1 - MARGIN;
  return { ratio, low, high, rounds: ratios.length, verdict: wins ? "faster" : "not faster" };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
