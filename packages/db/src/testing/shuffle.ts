/** A small generator of repeatable whole numbers, each below the bound it is asked with. */
export function randomBelow(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** The same items in another order, always the same one. */
export function shuffled<T>(items: readonly T[], seed = 7): T[] {
  const below = randomBelow(seed);
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
