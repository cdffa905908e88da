/** A number from 0 to 2^32 − 1 that looks random, the same for the same input. */
export function hash(input: number): number {
  let mixed = Math.imul(input ^ 0x9e3779b9, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0x27d4eb2f);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The same for a pair. */
export function hashPair(first: number, second: number): number {
  return hash(Math.imul(first, 0x1000193) ^ hash(second));
}
