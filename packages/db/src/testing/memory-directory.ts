import type { MemoryFile } from "./memory-file.ts";

/** A change of names that is not on disk yet. */
interface NameChange {
  readonly directory: string;
  readonly path: string;
  /** The file that the name stands for from now on; undefined removes the name. */
  readonly file: MemoryFile | undefined;
  /** A rename never loses its file: the old name goes only with or after this change. */
  readonly after: NameChange | undefined;
}

/** Which names stand for which files: as programs see them, and as they are on disk. */
export class MemoryDirectory {
  readonly #files: Map<string, MemoryFile> = new Map();
  readonly #disk: Map<string, MemoryFile> = new Map();
  #pending: NameChange[] = [];

  get(path: string): MemoryFile | undefined {
    return this.#files.get(path);
  }

  paths(): string[] {
    return [...this.#files.keys()];
  }

  set(path: string, file: MemoryFile): void {
    this.#files.set(path, file);
    this.#change(path, file);
  }

  delete(path: string): void {
    if (this.#files.delete(path)) this.#change(path, undefined);
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from)!;
    this.#files.delete(from);
    this.#files.set(to, file);
    this.#change(from, undefined, this.#change(to, file));
  }

  /** The changes that a sync of `directory` covers when it starts now; call what is returned when it is done. */
  beginSync(directory: string): () => void {
    const covered = new Set(this.#pending.filter((change) => change.directory === directory));
    for (const change of covered) if (change.after !== undefined) covered.add(change.after);
    return () => {
      for (const change of this.#pending) if (covered.has(change)) apply(this.#disk, change);
      this.#pending = this.#pending.filter((change) => !covered.has(change));
    };
  }

  /** The names after a power cut: each unsynced change happened or not, as the coin falls. */
  crash(coin: () => boolean): MemoryDirectory {
    const files = new Map(this.#disk);
    const happened = new Set<NameChange>();
    for (const change of this.#pending) {
      const possible =
        change.after === undefined || happened.has(change.after) || !this.#pending.includes(change.after);
      if (!coin() || !possible) continue;
      apply(files, change);
      happened.add(change);
    }
    const after = new MemoryDirectory();
    const crashed = new Map<MemoryFile, MemoryFile>();
    for (const [path, file] of files) {
      const copy = crashed.get(file) ?? file.crash(coin);
      crashed.set(file, copy);
      after.#files.set(path, copy);
      after.#disk.set(path, copy);
    }
    return after;
  }

  #change(path: string, file: MemoryFile | undefined, after?: NameChange): NameChange {
    const change = { directory: parentOf(path), path, file, after };
    this.#pending.push(change);
    return change;
  }
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function apply(files: Map<string, MemoryFile>, change: NameChange): void {
  if (change.file === undefined) files.delete(change.path);
  else files.set(change.path, change.file);
}
