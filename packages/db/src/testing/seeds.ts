/** Seeds 1 to `count`; of KVTS_TEST_SEEDS, so many; of KVTS_TEST_SEED, that one alone, to replay a failure. */
export function testSeeds(count: number): number[] {
  const { KVTS_TEST_SEED: one, KVTS_TEST_SEEDS: many } = process.env;
  if (one !== undefined) return [Number(one)];
  return Array.from({ length: Number(many ?? count) }, (_, index) => index + 1);
}
