/** Seeded random numbers, the same on every platform: integer arithmetic only (mulberry32). */
export class Random {
  #state: number;

  /** `stream` separates uses of one seed: drawing more numbers in one does not shift the others. */
  constructor(seed: number, stream = "") {
    let hash = 0x811c9dc5;
    for (const ch of `${seed}/${stream}`) hash = Math.imul(hash ^ ch.codePointAt(0)!, 0x01000193);
    this.#state = hash;
  }

  /** Uniform in [0, 1), a multiple of 2^-32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Close to the normal distribution, mean 0 and variance 1, within ±6: twelve uniform numbers, no logarithm. */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.next();
    return sum;
  }
}
