import { createHash, type Hash } from "node:crypto";

const DIGEST_DIGITS = 16;
/** Lines are hashed so many characters at a time, which is much faster than one by one. */
const HASHED_LENGTH = 64 * 1024;

/** Everything that a life asked of its disk and was told, as one number: equal lives have equal traces. */
export class Trace {
  /** Lines so far. */
  count = 0;
  readonly #hash: Hash = createHash("sha256");
  #text = "";
  readonly #print: ((line: string) => void) | undefined;

  /** @param print gets each line as it comes */
  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  note(line: string): void {
    this.count++;
    this.#text += `${line}\n`;
    if (this.#text.length > HASHED_LENGTH) this.#hashText();
    this.#print?.(line);
  }

  /** Hex digits that stand for all lines so far. */
  get digest(): string {
    this.#hashText();
    return this.#hash.copy().digest("hex").slice(0, DIGEST_DIGITS);
  }

  #hashText(): void {
    this.#hash.update(this.#text);
    this.#text = "";
  }
}
