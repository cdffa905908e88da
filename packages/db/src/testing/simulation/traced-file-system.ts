import { crc32 } from "node:zlib";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "../../env/file-system.ts";
import type { Trace } from "./trace.ts";

/** Writes down every call to another file system, and its answer, when it comes. */
export class TracedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #trace: Trace;
  readonly #nowMs: () => number;
  #calls = 0;

  constructor(inner: FileSystem, trace: Trace, nowMs: () => number) {
    this.#inner = inner;
    this.#trace = trace;
    this.#nowMs = nowMs;
  }

  create(path: string): WritableFile {
    return this.#writable(this.#call(`create ${path}`, () => this.#inner.create(path), done));
  }

  openWritable(path: string): WritableFile {
    return this.#writable(this.#call(`open to write ${path}`, () => this.#inner.openWritable(path), done));
  }

  open(path: string): ReadableFile {
    const file = this.#call(
      `open ${path}`,
      () => this.#inner.open(path),
      ({ size }) => `${size} bytes`,
    );
    return {
      path,
      size: file.size,
      readSync: (into, offset, length, position) => {
        const read = () => file.readSync(into, offset, length, position);
        return this.#call(`read ${path} ${position}+${length}`, read, (count) => checksum(into, offset, count));
      },
      read: (into, offset, length, position) => {
        const read = () => file.read(into, offset, length, position);
        return this.#later(`read ${path} ${position}+${length}`, read, (count) => checksum(into, offset, count));
      },
      close: () => this.#call(`close ${path}`, () => file.close(), done),
    };
  }

  exists(path: string): boolean {
    return this.#call(`exists ${path}`, () => this.#inner.exists(path), String);
  }

  list(path: string): string[] {
    return this.#call(
      `list ${path}`,
      () => this.#inner.list(path),
      (names) => names.join(" "),
    );
  }

  rename(from: string, to: string): void {
    this.#call(`rename ${from} ${to}`, () => this.#inner.rename(from, to), done);
  }

  link(from: string, to: string): void {
    this.#call(`link ${from} ${to}`, () => this.#inner.link(from, to), done);
  }

  remove(path: string): Promise<void> {
    return this.#later(`remove ${path}`, () => this.#inner.remove(path), done);
  }

  makeDirectory(path: string): void {
    this.#call(`make directory ${path}`, () => this.#inner.makeDirectory(path), done);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#later(`sync directory ${path}`, () => this.#inner.syncDirectory(path), done);
  }

  lock(path: string): FileLock {
    const lock = this.#call(`lock ${path}`, () => this.#inner.lock(path), done);
    return { release: () => this.#call(`unlock ${path}`, () => lock.release(), done) };
  }

  #writable(file: WritableFile): WritableFile {
    const { path } = file;
    const write = (bytes: Uint8Array, position: number) => {
      return `write ${path} ${position}+${bytes.length} ${checksum(bytes, 0, bytes.length)}`;
    };
    return {
      path,
      writeSync: (bytes, position) => this.#call(write(bytes, position), () => file.writeSync(bytes, position), done),
      write: (bytes, position) => this.#later(write(bytes, position), () => file.write(bytes, position), done),
      sync: () => this.#later(`sync ${path}`, () => file.sync(), done),
      truncate: (size) => this.#call(`truncate ${path} ${size}`, () => file.truncate(size), done),
      size: () => this.#call(`size of ${path}`, () => file.size(), String),
      close: () => this.#call(`close ${path}`, () => file.close(), done),
    };
  }

  #call<T>(call: string, act: () => T, answer: (value: T) => string): T {
    const number = ++this.#calls;
    try {
      const value = act();
      this.#note(number, call, answer(value));
      return value;
    } catch (error) {
      this.#note(number, call, failure(error));
      throw error;
    }
  }

  async #later<T>(call: string, act: () => Promise<T>, answer: (value: T) => string): Promise<T> {
    const number = ++this.#calls;
    this.#note(number, call, "…");
    try {
      const value = await act();
      this.#note(number, "done", answer(value));
      return value;
    } catch (error) {
      this.#note(number, "done", failure(error));
      throw error;
    }
  }

  #note(number: number, call: string, answer: string): void {
    this.#trace.note(`${this.#nowMs().toFixed(3)} #${number} ${call} → ${answer}`);
  }
}

function done(): string {
  return "done";
}

function failure(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}

function checksum(bytes: Uint8Array, offset: number, count: number): string {
  return crc32(bytes.subarray(offset, offset + count)).toString(16);
}
