import type { ReadableFile, WritableFile } from "../env/file-system.ts";
import { type FileCallKind, systemError } from "./file-call.ts";
import type { MemoryFile } from "./memory-file.ts";

/** What an open file tells the file system that it belongs to. */
export interface HandleHost {
  /** Lets other work go on in between, as a call to a real disk does. */
  turn(): Promise<void>;
  /** The file was written, synced or cut. */
  called(kind: FileCallKind): void;
  closed(): void;
}

/** A file of a memory file system, open for writing. */
export class OpenWritable implements WritableFile {
  readonly path: string;
  readonly #file: MemoryFile;
  readonly #host: HandleHost;
  #isOpen = true;

  constructor(path: string, file: MemoryFile, host: HandleHost) {
    this.path = path;
    this.#file = file;
    this.#host = host;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#expectOpen("write");
    this.#file.write(bytes, position);
    this.#host.called("write");
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#expectOpen("write");
    await this.#host.turn();
    this.#file.write(bytes, position);
    this.#host.called("write");
  }

  async sync(): Promise<void> {
    this.#expectOpen("sync");
    const pending = this.#file.beginSync();
    await this.#host.turn();
    this.#file.endSync(pending);
    this.#host.called("sync");
  }

  truncate(size: number): void {
    this.#expectOpen("truncate");
    this.#file.truncate(size);
    this.#host.called("truncate");
  }

  size(): number {
    this.#expectOpen("read");
    return this.#file.size;
  }

  close(): void {
    this.#expectOpen("open");
    this.#isOpen = false;
    this.#host.closed();
  }

  #expectOpen(kind: FileCallKind): void {
    if (!this.#isOpen) throw systemError("EBADF", { kind, path: this.path });
  }
}

export class OpenReadable implements ReadableFile {
  readonly path: string;
  readonly size: number;
  readonly #file: MemoryFile;
  readonly #host: Pick<HandleHost, "turn" | "closed">;
  #isOpen = true;

  constructor(path: string, file: MemoryFile, host: Pick<HandleHost, "turn" | "closed">) {
    this.path = path;
    this.size = file.size;
    this.#file = file;
    this.#host = host;
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    if (!this.#isOpen) throw systemError("EBADF", { kind: "read", path: this.path });
    return this.#file.read(into, offset, length, position);
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#host.turn();
    return this.readSync(into, offset, length, position);
  }

  close(): void {
    if (!this.#isOpen) throw systemError("EBADF", { kind: "open", path: this.path });
    this.#isOpen = false;
    this.#host.closed();
  }
}
