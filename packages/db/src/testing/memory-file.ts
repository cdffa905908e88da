/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** What a sync in flight will have put on disk. */
export interface PendingSync {
  readonly size: number;
  readonly sectors: readonly { readonly sector: number; readonly stamp: number; readonly bytes: Uint8Array }[];
}

/** The contents of one file: as programs see them, and as they are on disk. */
export class MemoryFile {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size = 0;
  #disk: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Sectors that the disk lacks, with the moment of their last change. */
  readonly #dirty: Map<number, number> = new Map();
  #stamp = 0;

  get size(): number {
    return this.#size;
  }

  read(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position));
    into.set(this.#bytes.subarray(position, position + count), offset);
    return count;
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    if (end > this.#size) this.truncate(end);
    this.#bytes.set(bytes, position);
    this.#touch(position, end);
  }

  truncate(size: number): void {
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#touch(Math.min(size, this.#size), Math.max(size, this.#size));
    this.#size = size;
  }

  /** What a sync that starts now covers. */
  beginSync(): PendingSync {
    const sectors = [...this.#dirty].map(([sector, stamp]) => ({ sector, stamp, bytes: this.#sector(sector) }));
    return { size: this.#size, sectors };
  }

  endSync({ size, sectors }: PendingSync): void {
    this.#disk = resized(this.#disk, size);
    for (const { sector, stamp, bytes } of sectors) {
      put(this.#disk, sector, bytes);
      if (this.#dirty.get(sector) === stamp) this.#dirty.delete(sector);
    }
  }

  /**
   * What a failed sync leaves: each sector is on disk or not, programs still see it, and no later sync writes it
   * unless it changes again.
   */
  loseUnsynced(coin: () => boolean): void {
    for (const sector of [...this.#dirty.keys()].sort((a, b) => a - b)) {
      if (coin()) put(this.#disk, sector, this.#sector(sector));
    }
    this.#dirty.clear();
  }

  /** The file after a power cut: each unsynced sector, and the size, is new or old as the coin falls. */
  crash(coin: () => boolean): MemoryFile {
    const after = new MemoryFile();
    const size = this.#size !== this.#disk.length && coin() ? this.#size : this.#disk.length;
    const bytes = resized(this.#disk.slice(), size);
    for (const sector of [...this.#dirty.keys()].sort((a, b) => a - b))
      if (coin()) put(bytes, sector, this.#sector(sector));
    after.#bytes = bytes;
    after.#size = size;
    after.#disk = bytes.slice();
    return after;
  }

  #touch(from: number, to: number): void {
    this.#stamp++;
    const end = Math.ceil(to / SECTOR_BYTES);
    for (let sector = Math.floor(from / SECTOR_BYTES); sector < end; sector++) this.#dirty.set(sector, this.#stamp);
  }

  #sector(sector: number): Uint8Array {
    const start = sector * SECTOR_BYTES;
    return this.#bytes.slice(start, Math.min(start + SECTOR_BYTES, this.#size));
  }
}

function resized(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size === bytes.length) return bytes;
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}

/** Copies a sector to its place, as far as the file has it. */
function put(bytes: Uint8Array, sector: number, contents: Uint8Array): void {
  const start = sector * SECTOR_BYTES;
  if (start < bytes.length) bytes.set(contents.subarray(0, bytes.length - start), start);
}
