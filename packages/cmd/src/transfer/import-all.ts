import { CommandError, describeFailure } from "../failure.ts";
import { countOf } from "../output/notes.ts";
import type { ByteStore } from "../target/use-store.ts";
import { type Batch, Batcher } from "./batcher.ts";
import type { BadLine, ImportSource } from "./item.ts";
import { writeBatch } from "./write-batch.ts";

/** How an import is to go, and who wants to know. */
export interface ImportOptions {
  /** Stops at the first bad line. */
  readonly strict: boolean;
  /** Lines before this one are skipped. */
  readonly fromLine: number;
  /** Stops the import once what was read is written. */
  readonly signal: AbortSignal;
  /** Told of each bad line, in the order of the lines but for those the store refuses. */
  readonly onBadLine: (bad: BadLine) => void;
  /** Told what has been written so far. */
  readonly onProgress: (versions: number) => void;
}

/** What came of an import. */
export interface ImportResult {
  readonly versions: number;
  readonly badLines: number;
  /** The last line that was written. */
  readonly lastLine: number;
  /** Why it ended before the file did. */
  readonly stopped?: "interrupt" | "strict";
}

/**
 * Writes what `source` holds, in batches, one in flight while the next is gathered: at no time more than two batches
 * are in memory, and the file is read no faster than the store writes.
 * @throws CommandError where the store fails, telling how far it got
 */
export async function importAll(store: ByteStore, source: ImportSource, options: ImportOptions): Promise<ImportResult> {
  const run = new ImportRun(store, options);
  try {
    return await run.readAll(source);
  } catch (error) {
    throw run.interrupted(error);
  }
}

class ImportRun {
  readonly #store: ByteStore;
  readonly #options: ImportOptions;
  readonly #batcher: Batcher = new Batcher();
  #inFlight: Promise<void> = Promise.resolve();
  #versions = 0;
  #badLines = 0;
  /** The last line of what is written. */
  #lastLine = 0;
  /** Under `strict`, whether the store has refused a version: nothing behind it is written. */
  #refused = false;

  constructor(store: ByteStore, options: ImportOptions) {
    this.#store = store;
    this.#options = options;
  }

  async readAll(source: ImportSource): Promise<ImportResult> {
    const stopped = await this.#readItems(source);
    await this.#send(this.#batcher.take());
    await this.#inFlight;
    const counts = { versions: this.#versions, badLines: this.#badLines, lastLine: this.#lastLine };
    return stopped === undefined ? counts : { ...counts, stopped };
  }

  async #readItems(source: ImportSource): Promise<ImportResult["stopped"]> {
    const { signal, strict, fromLine } = this.#options;
    for await (const items of source) {
      for (const item of items) {
        if (signal.aborted) return "interrupt";
        if (item.line < fromLine) continue;
        if (item.operation === undefined) this.#tellBad(item);
        else {
          const full = this.#batcher.add(item);
          if (full !== undefined) await this.#send(full);
        }
        if (strict && this.#badLines > 0) return "strict";
      }
    }
    return signal.aborted ? "interrupt" : undefined;
  }

  /** Waits for the batch before, and sends this one without waiting. */
  async #send(batch: Batch): Promise<void> {
    await this.#inFlight;
    if (batch.length === 0 || this.#refused) return;
    this.#inFlight = this.#write(batch);
    // It is awaited later; until then its failure is nobody's.
    this.#inFlight.catch(() => {});
  }

  async #write(batch: Batch): Promise<void> {
    const { versions, refused } = await writeBatch(this.#store, batch, this.#options);
    for (const bad of refused) this.#tellBad(bad);
    this.#refused = this.#options.strict && refused.length > 0;
    this.#versions += versions;
    this.#lastLine = this.#refused ? refused[0]!.line : batch.at(-1)!.line;
    this.#options.onProgress(this.#versions);
  }

  #tellBad(bad: BadLine): void {
    this.#badLines++;
    this.#options.onBadLine(bad);
  }

  /** What went wrong on the way, and how to go on from there. */
  interrupted(error: unknown): CommandError {
    const { code, exitCode, message } = describeFailure(error);
    if (this.#versions === 0) return new CommandError(exitCode, code, message, error);
    const done = `${countOf(this.#versions, "version")} written, up to line ${this.#lastLine}`;
    const sentence = `${message} (${done}; go on with --from-line ${this.#lastLine + 1})`;
    return new CommandError(exitCode, code, sentence, error);
  }
}
