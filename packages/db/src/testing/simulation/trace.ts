import { createHash, type Hash } from "node:crypto";

const DIGEST_DIGITS = 16;

/** Everything that a life asked of its disk and was told, as one number: equal lives have equal traces. */
export class Trace {
  /** Lines so far. */
  count = 0;
  readonly #hash: Hash = createHash("sha256");
  readonly #print: ((line: string) => void) | undefined;

  /** @param print gets each line as it comes */
  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  note(line: string): void {
    this.count++;
    this.#hash.update(line).update("\n");
    this.#print?.(line);
  }

  /** Hex digits that stand for all lines so far. */
  get digest(): string {
    return this.#hash.copy().digest("hex").slice(0, DIGEST_DIGITS);
  }
}
