import type { WritableFile } from "../env/file-system.ts";

/** Short enough that the sync which takes it along is little longer than others: a fraction of a millisecond on an SSD. */
export const LOG_GROWTH_BYTES: number = 128 * 1024;

const ZEROS = new Uint8Array(LOG_GROWTH_BYTES);

/**
 * A segment of the log that takes frames. Its file is kept longer than what it holds, by zeros or by what it held in an
 * earlier life: a sync of bytes that the file had already need not put a new size on disk, which takes half as long again.
 */
export class LogSegment {
  readonly number: number;
  readonly file: WritableFile;
  /** Most bytes that it may come to hold. */
  readonly capacity: number;
  readonly #growthBytes: number;
  #allocatedBytes: number;

  /** @param growthBytes zeros written ahead whenever its frames have reached its end, at most {@link LOG_GROWTH_BYTES}; 0 for none */
  constructor(number: number, file: WritableFile, capacity: number, growthBytes: number) {
    this.number = number;
    this.file = file;
    this.capacity = capacity;
    this.#growthBytes = growthBytes;
    this.#allocatedBytes = file.size();
  }

  /** Frames reach to `end` now. */
  reached(end: number): void {
    if (end <= this.#allocatedBytes) return;
    this.#allocatedBytes = end;
    const zeros = Math.min(this.#growthBytes, this.capacity - end);
    if (zeros <= 0) return;
    try {
      this.file.writeSync(ZEROS.subarray(0, zeros), end);
      this.#allocatedBytes = end + zeros;
    } catch {
      // Nothing depends on them. On a disk that is nearly full, frames are to have what room the zeros took.
      this.#cutBack(end);
    }
  }

  #cutBack(end: number): void {
    try {
      this.file.truncate(end);
    } catch {
      // Then they stay: behind the last frame anything may stand.
    }
  }
}
