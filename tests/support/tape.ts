/** Decisions read off a tape of numbers, so that shrinking the tape shrinks the module; an empty tape decides for the first. */
export class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  get empty(): boolean {
    return this.#at >= this.#numbers.length;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + ((this.#numbers[this.#at++] ?? 0) % (high - low + 1));
  }

  bool(): boolean {
    return this.int(0, 1) === 1;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }
}
