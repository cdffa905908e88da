/** Upper bounds of buckets, in seconds: from what memory answers to what a disk that struggles does. */
export const secondsBounds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** How often values fell into which bucket. Counting one is a few comparisons, without an allocation. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One more than there are bounds: the last is for what is above them all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[] = secondsBounds) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]! += 1;
    this.sum += value;
  }
}
