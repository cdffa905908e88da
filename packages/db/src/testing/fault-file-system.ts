import type { FileLock, FileSystem, ReadableFile, WritableFile } from "../env/file-system.ts";
import { type FileCall, type FileCallKind, systemError } from "./file-call.ts";

/** What goes wrong, and when. */
export interface Fault {
  /** The call that fails, counted from 1; later ones fail too where it `lasts`. */
  readonly at: number;
  readonly code: "EIO" | "ENOSPC";
  readonly lasts?: boolean;
  /** How much of a failing write reaches the file: 0 (the default) to 1. */
  readonly written?: number;
}

export interface FaultOptions {
  readonly fault?: Fault;
  /** Which calls count, and so can fail. Default: all but opening and reading. */
  readonly kinds?: ReadonlySet<FileCallKind>;
  /** Only calls to paths that begin so count. Default: all. */
  readonly under?: string;
  /** Told before a sync of a file fails, so that its unsynced bytes can be put in doubt. */
  readonly onFailedSync?: (path: string) => void;
}

/** Calls that change or sync something. */
export const CHANGING_CALLS: ReadonlySet<FileCallKind> = new Set([
  "create",
  "write",
  "truncate",
  "sync",
  "rename",
  "link",
  "remove",
  "makeDirectory",
  "syncDirectory",
]);

/** Calls that only look. */
export const READING_CALLS: ReadonlySet<FileCallKind> = new Set(["open", "read"]);

/** Hands every call on to another file system, save those that are to fail. A failed call has done nothing else. */
export class FaultFileSystem implements FileSystem {
  /** What goes wrong from now on; undefined heals the disk. */
  fault: Fault | undefined;
  /** Calls counted so far, and how many of them failed. */
  calls = 0;
  hits = 0;
  readonly #inner: FileSystem;
  readonly #kinds: ReadonlySet<FileCallKind>;
  readonly #under: string;
  readonly #onFailedSync: (path: string) => void;

  constructor(inner: FileSystem, options: FaultOptions = {}) {
    this.#inner = inner;
    this.fault = options.fault;
    this.#kinds = options.kinds ?? CHANGING_CALLS;
    this.#under = options.under ?? "";
    this.#onFailedSync = options.onFailedSync ?? (() => {});
  }

  create(path: string): WritableFile {
    this.#pass({ kind: "create", path });
    return this.#writable(this.#inner.create(path));
  }

  openWritable(path: string): WritableFile {
    this.#pass({ kind: "open", path });
    return this.#writable(this.#inner.openWritable(path));
  }

  open(path: string): ReadableFile {
    this.#pass({ kind: "open", path });
    const file = this.#inner.open(path);
    const call: FileCall = { kind: "read", path };
    return {
      path,
      size: file.size,
      readSync: (into, offset, length, position) => {
        this.#pass(call);
        return file.readSync(into, offset, length, position);
      },
      read: async (into, offset, length, position) => {
        this.#pass(call);
        return await file.read(into, offset, length, position);
      },
      close: () => file.close(),
    };
  }

  exists(path: string): boolean {
    return this.#inner.exists(path);
  }

  list(path: string): string[] {
    return this.#inner.list(path);
  }

  rename(from: string, to: string): void {
    this.#pass({ kind: "rename", path: to });
    this.#inner.rename(from, to);
  }

  link(from: string, to: string): void {
    this.#pass({ kind: "link", path: to });
    this.#inner.link(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#pass({ kind: "remove", path });
    await this.#inner.remove(path);
  }

  makeDirectory(path: string): void {
    this.#pass({ kind: "makeDirectory", path });
    this.#inner.makeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#pass({ kind: "syncDirectory", path });
    await this.#inner.syncDirectory(path);
  }

  lock(path: string): FileLock {
    return this.#inner.lock(path);
  }

  #writable(file: WritableFile): WritableFile {
    const { path } = file;
    const write: FileCall = { kind: "write", path };
    return {
      path,
      writeSync: (bytes, position) => {
        this.#pass(write, () => file.writeSync(this.#written(bytes), position));
        file.writeSync(bytes, position);
      },
      write: async (bytes, position) => {
        this.#pass(write, () => file.writeSync(this.#written(bytes), position));
        await file.write(bytes, position);
      },
      sync: async () => {
        this.#pass({ kind: "sync", path }, () => this.#onFailedSync(path));
        await file.sync();
      },
      truncate: (size) => {
        this.#pass({ kind: "truncate", path });
        file.truncate(size);
      },
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  /** Counts the call, and throws where it is one that fails. */
  #pass(call: FileCall, beforeFailing?: () => void): void {
    if (!this.#kinds.has(call.kind) || !call.path.startsWith(this.#under)) return;
    const number = ++this.calls;
    const { fault } = this;
    if (fault === undefined || number < fault.at || (number > fault.at && fault.lasts !== true)) return;
    this.hits++;
    beforeFailing?.();
    throw systemError(fault.code, call);
  }

  #written(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, Math.floor(bytes.length * (this.fault?.written ?? 0)));
  }
}
