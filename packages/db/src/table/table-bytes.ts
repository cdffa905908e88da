import type { ReadableFile } from "../env/file-system.ts";
import { corruption } from "../format/corruption.ts";
import type { Stamp } from "./stamp.ts";

/** The bytes of one table file, read exactly or not at all. Knows which reads are under way, so that none outlives it. */
export class TableBytes {
  readonly path: string;
  readonly size: number;
  /** The table to whose envelopes these belong: its number by its name, and once the properties are read, by those. */
  number: number;
  /** What bodies of blocks may refer to, once the properties are read; none where they name none. */
  dictionary: Uint8Array | undefined = undefined;
  /** What blocks lack, once the properties are read; none where they name none. */
  stamp: Stamp | undefined = undefined;
  readonly #file: ReadableFile;
  readonly #underWay: Set<Promise<number>> = new Set();

  constructor(file: ReadableFile, number: number) {
    this.number = number;
    this.#file = file;
    this.path = file.path;
    this.size = file.size;
  }

  /** Reads `length` bytes at `position` into the start of `into`. @throws CORRUPTION where the file ends before. */
  readSync(into: Uint8Array, length: number, position: number): void {
    this.#expectWhole(this.#file.readSync(into, 0, length, position), length, position);
  }

  /** The same without holding the event loop. */
  async read(into: Uint8Array, length: number, position: number): Promise<void> {
    const reading = this.#file.read(into, 0, length, position);
    this.#underWay.add(reading);
    try {
      this.#expectWhole(await reading, length, position);
    } finally {
      this.#underWay.delete(reading);
    }
  }

  /** Closes the file: at once, or when the reads under way have ended. */
  async close(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    this.#file.close();
  }

  #expectWhole(read: number, length: number, position: number): void {
    if (read !== length) throw corruption(this.path, position, `the file ends ${length - read} bytes too early`);
  }
}
