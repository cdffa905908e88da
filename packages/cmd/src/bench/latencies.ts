/** Buckets for each doubling: 1/32 of an octave, so that a percentile is right to about 2 %. */
const bucketsPerOctave = 32;
const nanosPerMilli = 1e6;
const octaves = 48;

/** How long operations took, in buckets of equal ratio: a few kilobytes however many there are. */
export class Latencies {
  readonly #counts: Float64Array = new Float64Array(octaves * bucketsPerOctave);
  #total = 0;

  get count(): number {
    return this.#total;
  }

  add(millis: number): void {
    const nanos = Math.max(1, millis * nanosPerMilli);
    const bucket = Math.floor(Math.log2(nanos) * bucketsPerOctave);
    this.#counts[Math.min(bucket, this.#counts.length - 1)]! += 1;
    this.#total++;
  }

  /** Milliseconds that the share `quantile` (0 … 1) of all operations took at most; 0 where there are none. */
  percentile(quantile: number): number {
    const wanted = Math.max(1, Math.ceil(quantile * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) return 2 ** ((bucket + 0.5) / bucketsPerOctave) / nanosPerMilli;
    }
    return 0;
  }
}
