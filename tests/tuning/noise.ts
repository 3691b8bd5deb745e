/** Factors of a busy machine's times, by a seed: 10 % around 1, and every tenth time is up to thrice as long. */
export function noise(seed: number): () => number {
  let state = seed >>> 0;
  // xorshift32 (Marsaglia 2003)
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return () => (0.9 + 0.2 * uniform()) * (uniform() < 0.1 ? 1 + 2 * uniform() : 1);
}
