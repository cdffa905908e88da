/** A list of numbers that grows, and knows its least and its greatest. Keeps its memory when cleared. */
export class NumberColumn {
  numbers: Float64Array = new Float64Array(512);
  length = 0;
  least: number = Number.MAX_SAFE_INTEGER;
  greatest = 0;

  push(n: number): void {
    if (this.length === this.numbers.length) this.#grow();
    this.numbers[this.length++] = n;
    if (n < this.least) this.least = n;
    if (n > this.greatest) this.greatest = n;
  }

  clear(): void {
    this.length = 0;
    this.least = Number.MAX_SAFE_INTEGER;
    this.greatest = 0;
  }

  #grow(): void {
    const grown = new Float64Array(this.length * 2);
    grown.set(this.numbers);
    this.numbers = grown;
  }
}
