/**
 * Everything the engine asks of a disk. Paths are whole; file names are built in format/filenames.ts alone.
 * Writes reach the operating system when the call returns, and the disk only after `sync`; names created, linked,
 * renamed or removed reach it only after `syncDirectory`. Failures are the system's errors with their `code` (ENOSPC, EIO …).
 */
export interface FileSystem {
  /** A new, empty file. Fails with EEXIST where the name is taken. */
  create(path: string): WritableFile;
  /** An existing file, to be written at any position; its contents stay. */
  openWritable(path: string): WritableFile;
  open(path: string): ReadableFile;
  exists(path: string): boolean;
  /** Names in a directory, sorted; empty where there is no such directory. */
  list(path: string): string[];
  /** Replaces `to` where it exists. */
  rename(from: string, to: string): void;
  /**
   * Gives the file `from` a second name, of the same bytes. Fails with EEXIST where `to` is taken, and with EXDEV, EPERM and
   * the like where the file system cannot.
   */
  link(from: string, to: string): void;
  /** No error where there is no such file. */
  remove(path: string): Promise<void>;
  /** Makes a directory and those above it. */
  makeDirectory(path: string): void;
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the exclusive lock file `path` (created where missing) for this process; it dies with the process.
   * @throws LOCKED naming the holder's pid.
   */
  lock(path: string): FileLock;
}

/** What reading a directory takes. Whoever is given no more than this changes nothing. */
export type FileReading = Pick<FileSystem, "open" | "exists" | "list">;

export interface WritableFile {
  readonly path: string;
  /** Writes all of `bytes` at `position` (bytes from the start), at once. */
  writeSync(bytes: Uint8Array, position: number): void;
  /** The same without holding the event loop. `bytes` must not change until it resolves. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Data and size on disk (fdatasync). */
  sync(): Promise<void>;
  truncate(size: number): void;
  size(): number;
  close(): void;
}

export interface ReadableFile {
  readonly path: string;
  /** Bytes in the file when it was opened. */
  readonly size: number;
  /** Reads `length` bytes from `position` into `into` at `offset`; fewer only at the end of the file. Returns how many. */
  readSync(into: Uint8Array, offset: number, length: number, position: number): number;
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  close(): void;
}

export interface FileLock {
  release(): void;
}
