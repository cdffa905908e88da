import type { Dataset } from "../dataset/dataset.ts";
import { isTagged } from "../dataset/value.ts";
import type { Found } from "../stores/contender.ts";

/** A store answered something that is not so. It fails the whole run: a fast wrong answer is worth nothing. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

/** Holds what a store answers against the dataset. */
export class Answers {
  readonly #dataset: Dataset;
  /** Compare every byte, and not just length and tag; for the untimed part of a run. */
  isThorough = true;

  constructor(dataset: Dataset) {
    this.#dataset = dataset;
  }

  /** @param version −1 where nothing is to be found */
  expect(found: Uint8Array | Found | undefined, index: number, version: number): void {
    const value = found instanceof Uint8Array ? found : found?.value;
    if (version < 0 ? value !== undefined : !this.#isVersion(value, index, version)) {
      throw new WrongAnswer(`key ${index}: expected version ${version}, got ${describe(value)}`);
    }
  }

  expectKey(found: string | undefined, expected: string): void {
    if (found !== expected) throw new WrongAnswer(`expected key ${expected}, got ${found}`);
  }

  expectCount(found: number, expected: number, what: string): void {
    if (found !== expected) throw new WrongAnswer(`${what}: expected ${expected}, got ${found}`);
  }

  #isVersion(value: Uint8Array | undefined, index: number, version: number): boolean {
    if (value === undefined || value.length !== this.#dataset.valueBytes) return false;
    if (!isTagged(value, index, version)) return false;
    return !this.isThorough || Buffer.compare(value, this.#dataset.value(index, version)) === 0;
  }
}

function describe(value: Uint8Array | undefined): string {
  return value === undefined
    ? "nothing"
    : `${value.length} bytes ${Buffer.from(value.subarray(0, 16)).toString("hex")}`;
}
