import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlink,
  write,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file-system.ts";
import { lockFile } from "./node-file-lock.ts";

const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const readAsync = promisify(read);
const unlinkAsync = promisify(unlink);
const writeAsync = promisify(write);

/** The disk, through node:fs. */
export const nodeFileSystem: FileSystem = {
  create: (path) => new NodeWritableFile(path, openSync(path, "wx+")),
  openWritable: (path) => new NodeWritableFile(path, openSync(path, "r+")),
  open: (path) => new NodeReadableFile(path, openSync(path, "r")),
  exists: (path) => existsSync(path),
  list,
  rename: (from, to) => renameSync(from, to),
  link: (from, to) => linkSync(from, to),
  remove,
  makeDirectory,
  syncDirectory,
  lock: (path): FileLock => lockFile(path),
};

function list(path: string): string[] {
  try {
    return readdirSync(path).sort();
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
    mkdirSync(path);
  } catch (error) {
    const above = dirname(path);
    if (codeOf(error) === "EEXIST" && statSync(path).isDirectory()) return;
    if (codeOf(error) !== "ENOENT" || existsSync(above)) throw error;
    makeDirectory(above);
    mkdirSync(path);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlinkAsync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no such call: its file systems keep directories in order by themselves.
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    await fsyncAsync(fd);
  } finally {
    closeSync(fd);
  }
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
      done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await writeAsync(this.#fd, bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  sync(): Promise<void> {
    return fdatasyncAsync(this.#fd);
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

class NodeReadableFile implements ReadableFile {
  readonly path: string;
  readonly size: number;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.size = fstatSync(fd).size;
    this.#fd = fd;
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const count = readSync(this.#fd, into, offset + done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const { bytesRead } = await readAsync(this.#fd, into, offset + done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
