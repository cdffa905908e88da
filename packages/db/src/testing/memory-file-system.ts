import { KvtsError } from "@kvts/common";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "../env/file-system.ts";
import { type FileCall, type FileCallKind, systemError } from "./file-call.ts";
import { MemoryDirectory, parentOf } from "./memory-directory.ts";
import { MemoryFile } from "./memory-file.ts";
import { OpenReadable, OpenWritable } from "./memory-handles.ts";

/** Directories that are always there: where relative and absolute paths begin. */
const ROOTS: readonly string[] = [".", "/", ""];

/**
 * A file system in memory that tells what programs see from what is on disk, so that a test can cut the power at any
 * moment: {@link crash} gives the file system that the next boot would find. Directories themselves are on disk as soon
 * as they are made; names in them and bytes in files only once they are synced.
 */
export class MemoryFileSystem implements FileSystem {
  /** Called after every call that changes or syncs something; the moment to take a {@link crash}. */
  onCall: ((call: FileCall) => void) | undefined = undefined;
  /** What a call that does not hold the event loop waits for before it takes effect. */
  turn: () => Promise<void> = () => Promise.resolve();
  /** Paths of the files that are open, one for each time. */
  readonly openPaths: string[] = [];
  #names: MemoryDirectory = new MemoryDirectory();
  readonly #directories: Set<string> = new Set(ROOTS);
  readonly #locks: Set<string> = new Set();

  /**
   * What a power cut at this moment leaves. Each unsynced sector (512 bytes), size and name is new or old as the coin
   * falls; the rest is as synced. A coin that is always true is a killed process: the system keeps what it was given.
   */
  crash(coin: () => boolean): MemoryFileSystem {
    const after = new MemoryFileSystem();
    after.#names = this.#names.crash(coin);
    for (const directory of this.#directories) after.#directories.add(directory);
    return after;
  }

  /** What a failed sync of the file leaves behind, see {@link MemoryFile.loseUnsynced}. */
  loseUnsynced(path: string, coin: () => boolean): void {
    this.#file(path, "sync").loseUnsynced(coin);
  }

  /** All bytes of a file, as programs see them. */
  contents(path: string): Uint8Array<ArrayBuffer> {
    const file = this.#file(path, "read");
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0, bytes.length, 0);
    return bytes;
  }

  /** Replaces all bytes of a file, synced name and all, or makes it: for tests that damage files. */
  replace(path: string, bytes: Uint8Array): void {
    if (this.#names.get(path) === undefined) this.create(path).close();
    const file = this.#file(path, "write");
    file.truncate(0);
    file.write(bytes, 0);
    file.endSync(file.beginSync());
    this.#names.beginSync(parentOf(path))();
  }

  create(path: string): WritableFile {
    const call: FileCall = { kind: "create", path };
    if (this.#names.get(path) !== undefined || this.#directories.has(path)) throw systemError("EEXIST", call);
    if (!this.#directories.has(parentOf(path))) throw systemError("ENOENT", call);
    const created = new MemoryFile();
    this.#names.set(path, created);
    this.#called(call);
    return this.#writable(path, created);
  }

  openWritable(path: string): WritableFile {
    return this.#writable(path, this.#file(path, "open"));
  }

  open(path: string): ReadableFile {
    const file = this.#file(path, "open");
    this.openPaths.push(path);
    return new OpenReadable(path, file, { turn: () => this.turn(), closed: () => this.#closed(path) });
  }

  exists(path: string): boolean {
    return this.#names.get(path) !== undefined || this.#directories.has(path);
  }

  list(path: string): string[] {
    const within = [...this.#names.paths(), ...this.#directories].filter(
      (name) => name !== path && parentOf(name) === path,
    );
    return within.map((name) => name.slice(path.length + 1)).sort();
  }

  rename(from: string, to: string): void {
    this.#file(from, "rename");
    this.#names.rename(from, to);
    this.#called({ kind: "rename", path: to });
  }

  link(from: string, to: string): void {
    const call: FileCall = { kind: "link", path: to };
    const file = this.#file(from, "link");
    if (this.exists(to)) throw systemError("EEXIST", call);
    if (!this.#directories.has(parentOf(to))) throw systemError("ENOENT", call);
    this.#names.set(to, file);
    this.#called(call);
  }

  async remove(path: string): Promise<void> {
    await this.turn();
    this.#names.delete(path);
    this.#called({ kind: "remove", path });
  }

  makeDirectory(path: string): void {
    for (let at = path; !this.#directories.has(at); at = parentOf(at)) this.#directories.add(at);
    this.#called({ kind: "makeDirectory", path });
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.#directories.has(path)) throw systemError("ENOENT", { kind: "syncDirectory", path });
    const end = this.#names.beginSync(path);
    await this.turn();
    end();
    this.#called({ kind: "syncDirectory", path });
  }

  lock(path: string): FileLock {
    if (this.#locks.has(path)) {
      throw new KvtsError("LOCKED", `${path} is held by this process; close the store there.`, {
        details: { file: path, pid: process.pid },
      });
    }
    if (this.#names.get(path) === undefined) this.create(path).close();
    this.#locks.add(path);
    return { release: () => void this.#locks.delete(path) };
  }

  #writable(path: string, file: MemoryFile): WritableFile {
    this.openPaths.push(path);
    return new OpenWritable(path, file, {
      turn: () => this.turn(),
      called: (kind) => this.#called({ kind, path }),
      closed: () => this.#closed(path),
    });
  }

  #closed(path: string): void {
    this.openPaths.splice(this.openPaths.indexOf(path), 1);
  }

  #file(path: string, kind: FileCallKind): MemoryFile {
    const file = this.#names.get(path);
    if (file === undefined) throw systemError("ENOENT", { kind, path });
    return file;
  }

  #called(call: FileCall): void {
    this.onCall?.(call);
  }
}
