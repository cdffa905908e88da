import type { KvtsError, Problem, VerifiedFile, VerifyReport } from "@kvts/common";
import { corruption, sentenceOf } from "../format/corruption.ts";

/** A report has to fit into memory, however much is wrong. */
const PROBLEMS_MAX = 10_000;

export type FileRole = "table" | "log" | "manifest" | "requests" | "marks";

/** What a verification has found so far. */
export class Findings {
  readonly #directory: string;
  readonly #problems: Problem[] = [];
  #omitted = 0;
  /** Names of the files that a problem was found in. */
  readonly #damaged: Set<string> = new Set();
  readonly #files: VerifiedFile[] = [];
  readonly #counts: { [role in FileRole]: { files: number; entries: number } } = {
    table: { files: 0, entries: 0 },
    log: { files: 0, entries: 0 },
    manifest: { files: 0, entries: 0 },
    requests: { files: 0, entries: 0 },
    marks: { files: 0, entries: 0 },
  };

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param damage CORRUPTION, with file and offset in its details. */
  add(damage: KvtsError): void {
    const file = this.#nameOf(String(damage.details.file));
    this.#damaged.add(file);
    if (this.#problems.length === PROBLEMS_MAX) this.#omitted++;
    else this.#problems.push({ file, offset: Number(damage.details.offset), message: sentenceOf(damage) });
  }

  /** A file was read; whether it is sound the problems tell. `entries` as in {@link VerifiedFile}. */
  read(role: FileRole, path: string, bytes: number, entries: number): void {
    this.#files.push({ file: this.#nameOf(path), state: "sound", bytes, entries });
    this.#counts[role].files++;
    this.#counts[role].entries += entries;
  }

  /** @param reason why it should be there: "the manifest names it" */
  missing(path: string, reason: string): void {
    this.add(corruption(path, 0, `the file is missing, and ${reason}`));
    this.absent(path);
  }

  /** A file is not there, which has been told already. */
  absent(path: string): void {
    this.#files.push({ file: this.#nameOf(path), state: "missing", bytes: 0, entries: 0 });
  }

  /** A file whose contents do not matter. */
  unneeded(path: string, reason: string): void {
    this.#files.push({ file: this.#nameOf(path), state: "not needed", bytes: 0, entries: 0, reason });
  }

  unknown(path: string): void {
    this.#files.push({ file: this.#nameOf(path), state: "unknown", bytes: 0, entries: 0 });
  }

  /** Whether something is wrong with the file. */
  isDamaged(path: string): boolean {
    return this.#damaged.has(this.#nameOf(path));
  }

  report(
    more: Pick<VerifyReport, "bytesRead" | "elapsedMs"> & { readonly incarnation: string | undefined },
  ): VerifyReport {
    const { incarnation, ...rest } = more;
    return {
      sound: this.#problems.length === 0,
      ...(incarnation === undefined ? {} : { incarnation }),
      tables: this.#counts.table.files,
      versions: this.#counts.table.entries,
      operations: this.#counts.log.entries,
      files: this.#files.map((file) => this.#judged(file)),
      problems: this.#problems,
      problemsOmitted: this.#omitted,
      ...rest,
    };
  }

  #judged(file: VerifiedFile): VerifiedFile {
    return file.state !== "missing" && this.#damaged.has(file.file) ? { ...file, state: "damaged" } : file;
  }

  #nameOf(path: string): string {
    return path.startsWith(`${this.#directory}/`) ? path.slice(this.#directory.length + 1) : path;
  }
}
