import type { FileLock, FileSystem, ReadableFile, WritableFile } from "../env/file-system.ts";
import { type FileCall, systemError } from "./file-call.ts";
import type { MemoryFileSystem } from "./memory-file-system.ts";

/** What a name takes, and the unit in which a file grows. */
const UNIT_BYTES = 512;

/**
 * A disk of limited size over a file system in memory: what would make it larger fails with ENOSPC, a write after it has
 * taken what there is room for, and everything else goes on, as on a real one: overwriting, syncing, renaming, removing, and making directories.
 */
export class LimitedFileSystem implements FileSystem {
  /** Bytes that all files together may take. */
  limitBytes: number = Number.POSITIVE_INFINITY;
  /** Calls that were to make something larger so far; for those who choose one of them. */
  growths = 0;
  /** Called before each of these, with its number from 1 on. */
  onGrowth: ((number: number) => void) | undefined = undefined;
  readonly #inner: MemoryFileSystem;
  readonly #directory: string;

  /** @param directory whose files count, those in its directories not included. */
  constructor(inner: MemoryFileSystem, directory: string) {
    this.#inner = inner;
    this.#directory = directory;
  }

  /** Bytes that the files take. */
  get usedBytes(): number {
    return this.#inner
      .list(this.#directory)
      .reduce((sum, name) => sum + this.#takenBy(`${this.#directory}/${name}`), 0);
  }

  /** Leaves no room from now on. */
  fill(): void {
    this.limitBytes = this.usedBytes;
  }

  create(path: string): WritableFile {
    this.#grow({ kind: "create", path }, UNIT_BYTES);
    return this.#writable(this.#inner.create(path));
  }

  openWritable(path: string): WritableFile {
    return this.#writable(this.#inner.openWritable(path));
  }

  open(path: string): ReadableFile {
    return this.#inner.open(path);
  }

  exists(path: string): boolean {
    return this.#inner.exists(path);
  }

  list(path: string): string[] {
    return this.#inner.list(path);
  }

  rename(from: string, to: string): void {
    this.#inner.rename(from, to);
  }

  link(from: string, to: string): void {
    this.#inner.link(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#inner.remove(path);
  }

  makeDirectory(path: string): void {
    this.#inner.makeDirectory(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#inner.syncDirectory(path);
  }

  lock(path: string): FileLock {
    return this.#inner.lock(path);
  }

  #writable(file: WritableFile): WritableFile {
    const { path } = file;
    const grow = (bytes: Uint8Array, position: number): void => {
      const growth = units(position + bytes.length) - units(file.size());
      if (growth <= 0) return;
      try {
        this.#grow({ kind: "write", path }, growth * UNIT_BYTES);
      } catch (error) {
        const end =
          (units(file.size()) + units(Math.max(0, this.limitBytes - this.usedBytes - UNIT_BYTES + 1))) * UNIT_BYTES;
        if (end > position) file.writeSync(bytes.subarray(0, end - position), position);
        throw error;
      }
    };
    return {
      path,
      writeSync: (bytes, position) => {
        grow(bytes, position);
        file.writeSync(bytes, position);
      },
      write: async (bytes, position) => {
        grow(bytes, position);
        await file.write(bytes, position);
      },
      sync: () => file.sync(),
      truncate: (size) => file.truncate(size),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  #grow(call: FileCall, bytes: number): void {
    this.onGrowth?.(++this.growths);
    if (this.limitBytes !== Number.POSITIVE_INFINITY && this.usedBytes + bytes > this.limitBytes) {
      throw systemError("ENOSPC", call);
    }
  }

  #takenBy(path: string): number {
    if (this.#inner.list(path).length > 0) return UNIT_BYTES;
    const file = this.#inner.open(path);
    file.close();
    return UNIT_BYTES * (1 + units(file.size));
  }
}

function units(bytes: number): number {
  return Math.ceil(bytes / UNIT_BYTES);
}
