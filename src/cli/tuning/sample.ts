/** A sample of a short run is many runs: one alone would say more about the clock than about the run. */

/** Steps of the clock that a sample has to last: what it is off by is below a two-hundredth then. */
const TICKS = 200;

/** A sample's least duration on the finest clock, in milliseconds: below, switches between threads are most of it. */
const LEAST_SAMPLE = 5;

/** Runs in a sample at most: a clock that stands still ends here. */
const MOST_REPETITIONS = 10_000;

/** Readings that have to show a step of the clock. */
const READINGS = 200_000;

/** The least step of a clock between two readings, in its own unit; 0 where it was not seen to move. */
export function clockResolution(now: () => number): number {
  let least = Infinity;
  let last = now();
  for (let i = 0, steps = 0; i < READINGS && steps < 100; i++) {
    const at = now();
    if (at <= last) continue;
    least = Math.min(least, at - last);
    last = at;
    steps++;
  }
  return least === Infinity ? 0 : least;
}

/** Milliseconds that a sample has to last by this clock. */
export const leastSample = (now: () => number): number => Math.max(LEAST_SAMPLE, TICKS * clockResolution(now));

/** Milliseconds of so many runs, timed as a whole. */
export async function timeRuns(now: () => number, run: () => Promise<void>, repetitions: number): Promise<number> {
  const start = now();
  for (let i = 0; i < repetitions; i++) await run();
  return now() - start;
}

/** How many runs last `least` milliseconds together, by what so many of them `last`. */
export async function repetitionsFor(last: (repetitions: number) => Promise<number>, least: number): Promise<number> {
  for (let repetitions = 1; ; ) {
    const lasted = await last(repetitions);
    if (lasted >= least || repetitions >= MOST_REPETITIONS) return repetitions;
    // What was too short for the clock says little: never more than tenfold at once.
    const wanted = Math.ceil((1.2 * repetitions * least) / Math.max(lasted, least / MOST_REPETITIONS));
    repetitions = Math.min(MOST_REPETITIONS, 10 * repetitions, Math.max(2 * repetitions, wanted));
  }
}
