import { dirname } from "node:path";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file-system.ts";
import { lockFile } from "./node-file-lock.ts";

// Asked for by name: `import` makes a list of all that node:fs has, and loads its promises and streams for that, 4 ms.
const fs: typeof import("node:fs") = process.getBuiltinModule("node:fs");

/** The disk, through node:fs. */
export const nodeFileSystem: FileSystem = {
  create: (path) => new NodeWritableFile(path, fs.openSync(path, "wx+")),
  openWritable: (path) => new NodeWritableFile(path, fs.openSync(path, "r+")),
  open: (path) => new NodeReadableFile(path, fs.openSync(path, "r")),
  exists: (path) => fs.existsSync(path),
  list,
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => fs.linkSync(from, to),
  remove,
  makeDirectory,
  syncDirectory,
  lock: (path): FileLock => lockFile(path),
};

function list(path: string): string[] {
  try {
    return fs.readdirSync(path).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/**
 * Without the recursive form of mkdir, which tells of a read-only file system as if the path did not exist, and where the
 * system says that of a path whose parent does exist (as under /proc) never ends.
 */
function makeDirectory(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    const above = dirname(path);
    if (codeOf(error) === "EEXIST" && fs.statSync(path).isDirectory()) return;
    if (codeOf(error) !== "ENOENT" || fs.existsSync(above)) throw error;
    makeDirectory(above);
    fs.mkdirSync(path);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await called((done) => fs.unlink(path, done));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no such call: its file systems keep directories in order by themselves.
  if (process.platform === "win32") return;
  const fd = fs.openSync(path, "r");
  try {
    await called((done) => fs.fsync(fd, done));
  } finally {
    fs.closeSync(fd);
  }
}

/** What a function of node:fs calls back with. */
function called<T = void>(call: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error === null ? resolve(result as T) : reject(error)));
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

class NodeWritableFile implements WritableFile {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    // A call may write less than it was given, when a disk is nearly full; the next one then says why.
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const [fd, at] = [this.#fd, done];
      done += await called<number>((end) => fs.write(fd, bytes, at, bytes.length - at, position + at, end));
    }
  }

  sync(): Promise<void> {
    return called((done) => fs.fdatasync(this.#fd, done));
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#fd, size);
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

class NodeReadableFile implements ReadableFile {
  readonly path: string;
  readonly size: number;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.size = fs.fstatSync(fd).size;
    this.#fd = fd;
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const count = fs.readSync(this.#fd, into, offset + done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const [fd, at] = [this.#fd, done];
      const count = await called<number>((end) => fs.read(fd, into, offset + at, length - at, position + at, end));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
