const roomFirst = 1 << 16;

/** How long operations took, every one of them. */
export class Latencies {
  #millis: Float64Array = new Float64Array(roomFirst);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(millis: number): void {
    if (this.#count === this.#millis.length) {
      const wider = new Float64Array(this.#count * 2);
      wider.set(this.#millis);
      this.#millis = wider;
    }
    this.#millis[this.#count++] = millis;
  }

  /** Milliseconds within which the share `quantile` (0 … 1) of the operations was done; 0 where there are none. */
  percentile(quantile: number): number {
    const sorted = this.#millis.slice(0, this.#count).sort();
    return sorted[Math.max(0, Math.ceil(quantile * this.#count) - 1)] ?? 0;
  }
}
