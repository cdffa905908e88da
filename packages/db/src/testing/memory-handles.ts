import type { ReadableFile, WritableFile } from "../env/file-system.ts";
import { type FileCallKind, systemError } from "./file-call.ts";
import type { MemoryFile } from "./memory-file.ts";

/** Lets other work go on in between, as a call to a real disk does. */
export function turn(): Promise<void> {
  return Promise.resolve();
}

/** A file of a memory file system, open for writing. */
export class OpenWritable implements WritableFile {
  readonly path: string;
  readonly #file: MemoryFile;
  readonly #called: (kind: FileCallKind) => void;
  readonly #closed: () => void;
  #isOpen = true;

  constructor(path: string, file: MemoryFile, called: (kind: FileCallKind) => void, closed: () => void) {
    this.path = path;
    this.#file = file;
    this.#called = called;
    this.#closed = closed;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#expectOpen("write");
    this.#file.write(bytes, position);
    this.#called("write");
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#expectOpen("write");
    await turn();
    this.#file.write(bytes, position);
    this.#called("write");
  }

  async sync(): Promise<void> {
    this.#expectOpen("sync");
    const pending = this.#file.beginSync();
    await turn();
    this.#file.endSync(pending);
    this.#called("sync");
  }

  truncate(size: number): void {
    this.#expectOpen("truncate");
    this.#file.truncate(size);
    this.#called("truncate");
  }

  size(): number {
    this.#expectOpen("read");
    return this.#file.size;
  }

  close(): void {
    this.#expectOpen("open");
    this.#isOpen = false;
    this.#closed();
  }

  #expectOpen(kind: FileCallKind): void {
    if (!this.#isOpen) throw systemError("EBADF", { kind, path: this.path });
  }
}

export class OpenReadable implements ReadableFile {
  readonly path: string;
  readonly size: number;
  readonly #file: MemoryFile;
  readonly #closed: () => void;
  #isOpen = true;

  constructor(path: string, file: MemoryFile, closed: () => void) {
    this.path = path;
    this.size = file.size;
    this.#file = file;
    this.#closed = closed;
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    if (!this.#isOpen) throw systemError("EBADF", { kind: "read", path: this.path });
    return this.#file.read(into, offset, length, position);
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await turn();
    return this.readSync(into, offset, length, position);
  }

  close(): void {
    if (!this.#isOpen) throw systemError("EBADF", { kind: "open", path: this.path });
    this.#isOpen = false;
    this.#closed();
  }
}
