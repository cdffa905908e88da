import { fail, rejects } from "node:assert/strict";
import type { Version } from "@kvts/common";
import type { Random } from "./random.ts";
import { expectLines, type OpenScan } from "./store-checks.ts";
import { versionText } from "./store-contents.ts";

interface HeldRead {
  /** The next `count` items at most. */
  take(count: number): Promise<Version<Uint8Array>[]>;
  close(): Promise<void>;
  /** What is still to come. */
  readonly expected: string[];
  readonly text: string;
}

/** Scans and histories that have begun, and stay open while the store goes on: they show what there was. */
export class OpenReads {
  readonly #random: Random;
  #reads: HeldRead[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Takes the first item, and keeps the rest for later. */
  async begin(scan: OpenScan): Promise<void> {
    if (scan.isRefused) return await rejects(scan.entries.nextv(1), { code: "HISTORY_TRIMMED" });
    const read = this.#random.chance(0.3) ? takenAtOnce(scan) : takenInPieces(scan);
    if (await this.#take(read, 1)) this.#reads.push(read);
  }

  /** Takes some or all of what is left of the one that was begun, or gone on with, first. */
  async goOn(): Promise<void> {
    const read = this.#reads.shift();
    if (read === undefined) return;
    const count = this.#random.chance(0.5) ? Number.MAX_SAFE_INTEGER : this.#random.between(1, 3);
    if (await this.#take(read, count)) this.#reads.push(read);
  }

  /** The store is gone, and they with it. */
  forget(): void {
    this.#reads = [];
  }

  /** False at the end. */
  async #take(read: HeldRead, count: number): Promise<boolean> {
    const lines = (await read.take(count)).map(versionText);
    const due = read.expected.splice(0, count);
    expectLines(lines, due, () => read.text);
    if (read.expected.length > 0) return true;
    const more = await read.take(1);
    if (more.length > 0) fail(`${read.text}: goes on with ${more.map(versionText)}`);
    await read.close();
    return false;
  }
}

/** As `for await` and `nextv` do. */
function takenInPieces({ entries, expected, text }: OpenScan): HeldRead {
  return {
    take: async (count) => {
      const items: Version<Uint8Array>[] = [];
      while (items.length < count) {
        const part = await entries.nextv(Math.min(count - items.length, 50));
        if (part.length === 0) break;
        items.push(...part);
      }
      return items;
    },
    close: () => entries.close(),
    expected,
    text,
  };
}

/** As `for of` does. */
function takenAtOnce({ entries, expected, text }: OpenScan): HeldRead {
  const iterator = entries[Symbol.iterator]();
  return {
    take: async (count) => {
      const items: Version<Uint8Array>[] = [];
      while (items.length < count) {
        const { done, value } = iterator.next();
        if (done === true) break;
        items.push(value);
      }
      return items;
    },
    close: async () => void iterator.return?.(),
    expected,
    text,
  };
}
