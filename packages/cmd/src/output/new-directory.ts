import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, exitCodes, failed } from "../failure.ts";

/** A directory of files that passes for no store until it is kept. */
export interface NewDirectory extends AsyncDisposable {
  /** Begins a file; the one before has to be whole. @throws CommandError for a name that leads elsewhere */
  begin(name: string, bytes: number): Promise<void>;
  /** More of the file that began last. */
  write(data: Uint8Array): Promise<void>;
  /** Everything is there, and on disk. Without it, disposing removes what has been written. */
  keep(): Promise<void>;
}

/** While it is there, nobody takes the directory for a store. */
const marker = "INCOMPLETE";

const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** @throws CommandError where there is anything in it already, or it cannot be made */
export async function createDirectory(path: string): Promise<NewDirectory> {
  await about(path, mkdir(path, { recursive: true }));
  const [first] = await about(path, readdir(path));
  if (first !== undefined) {
    throw failed(
      `${path} holds ${JSON.stringify(first)}; name a directory that is empty, or one that is still to be made`,
    );
  }
  const directory = new WrittenDirectory(path);
  await directory.begin(marker, 0);
  await directory.end();
  await syncDirectory(path);
  return directory;
}

interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  bytesLeft: number;
}

class WrittenDirectory implements NewDirectory {
  readonly #path: string;
  readonly #names: string[] = [];
  #file: OpenFile | undefined;
  #kept = false;

  constructor(path: string) {
    this.#path = path;
  }

  async begin(name: string, bytes: number): Promise<void> {
    await this.end();
    if (!namePattern.test(name)) throw broken(`a file has the name ${JSON.stringify(name)}`);
    const path = join(this.#path, name);
    this.#file = { path, handle: await about(path, open(path, "wx")), bytesLeft: bytes };
    this.#names.push(name);
  }

  async write(data: Uint8Array): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw broken("there are bytes of no file");
    file.bytesLeft -= data.length;
    if (file.bytesLeft < 0) throw broken(`${file.path} is longer than was said`);
    await about(file.path, file.handle.writeFile(data));
  }

  /** The file that began last is whole. */
  async end(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    if (file.bytesLeft !== 0) throw broken(`${file.path} is shorter than was said`);
    await about(file.path, file.handle.sync());
    await file.handle.close();
    this.#file = undefined;
  }

  async keep(): Promise<void> {
    await this.end();
    await syncDirectory(this.#path);
    await rm(join(this.#path, marker));
    await syncDirectory(this.#path);
    this.#kept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.handle.close();
    if (this.#kept) return;
    // The marker last: what is left of a removal that is cut short passes for no store either.
    for (const name of this.#names.reverse()) await rm(join(this.#path, name), { force: true });
  }
}

/** Windows has no such thing, and needs none. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await about(path, open(path, "r"));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What the system says, about what the user named. */
async function about<T>(path: string, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const sentence =
      code === "ENOSPC"
        ? `the disk has no room for ${path}; make some, or name a directory on another disk`
        : `${path} cannot be written (${code ?? message}); check it, or name another directory`;
    throw new CommandError(exitCodes.failure, code === "ENOSPC" ? "NO_SPACE" : "UNAVAILABLE", sentence, error);
  }
}

function broken(problem: string): CommandError {
  return failed(`the server's backup cannot be used: ${problem}; check that it is a kvts server of this version`);
}
