import { isKvtsError, type Logger } from "@kvts/common";
import { sentenceOf } from "./format/corruption.ts";
import type { TableFile } from "./manifest/table-file.ts";
import type { VersionSet } from "./manifest/version-set.ts";
import type { Settings } from "./options.ts";
import { type ExaminedTable, examineTable } from "./repair/examine-tables.ts";
import { MeteredFiles } from "./verify/metered-files.ts";

/** A round begins this long after the one before it began: a small store is not read over and over. */
const ROUND_MS_MIN = 3_600_000;

/** What a scrub has done since the store was opened. */
export interface ScrubStats {
  /** 0 where it is off. */
  readonly bytesPerSecond: number;
  /** Tables and bytes read, over all rounds. */
  readonly tables: number;
  readonly bytes: number;
  /** Rounds over all tables that have come to their end, and when the last of them did (microseconds; 0 for none). */
  readonly rounds: number;
  readonly lastRoundAt: number;
  /** Tables in which damage was found, and what was found last. */
  readonly damagedTables: number;
  readonly lastDamage: string;
}

export interface ScrubHost {
  readonly directory: string;
  readonly settings: Settings;
  readonly versions: VersionSet;
}

/**
 * Reads all tables again in the background, slowly and one after the other, so that damage shows while there still is a
 * backup without it. Memory needed is that of one table's index. Nothing of it is written down: after a restart it begins
 * anew.
 */
export class Scrub {
  readonly #host: ScrubHost;
  readonly #logger: Logger;
  readonly #files: MeteredFiles;
  readonly #stopping: AbortController = new AbortController();
  readonly #damaged: Set<number> = new Set();
  #tables = 0;
  #rounds = 0;
  #lastRoundAt = 0;
  #lastDamage = "";
  #running: Promise<void> | undefined;

  constructor(host: ScrubHost) {
    const { fileSystem, scheduler } = host.settings.components;
    this.#host = host;
    this.#logger = host.settings.logger;
    this.#files = new MeteredFiles({
      files: fileSystem,
      scheduler,
      bytesPerSecond: this.#bytesPerSecond,
      signal: this.#stopping.signal,
    });
  }

  /** Begins, unless it is off. */
  start(): void {
    if (this.#bytesPerSecond > 0) this.#running ??= this.#run();
  }

  stats(): ScrubStats {
    return {
      bytesPerSecond: this.#bytesPerSecond,
      tables: this.#tables,
      bytes: this.#files.bytesRead,
      rounds: this.#rounds,
      lastRoundAt: this.#lastRoundAt,
      damagedTables: this.#damaged.size,
      lastDamage: this.#lastDamage,
    };
  }

  /** Ends it at once, in the middle of a table. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get #bytesPerSecond(): number {
    return this.#host.settings.scrubBytesPerSecond;
  }

  async #run(): Promise<void> {
    const { scheduler, clock } = this.#host.settings.components;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedMs = scheduler.monotonicMs();
      await this.#round();
      if (signal.aborted) return;
      this.#rounds++;
      this.#lastRoundAt = clock.now();
      await scheduler.delay(Math.max(0, startedMs + ROUND_MS_MIN - scheduler.monotonicMs()), signal);
    }
  }

  /** Every table that is there now and still there when its turn comes, the oldest first. */
  async #round(): Promise<void> {
    const end = Math.max(0, ...this.#numbers());
    let last = 0;
    while (!this.#stopping.signal.aborted) {
      const file = this.#next(last, end);
      if (file === undefined) return;
      last = file.meta.number;
      await this.#check(file);
    }
  }

  #numbers(): number[] {
    return this.#host.versions.current.tables().map(({ file }) => file.meta.number);
  }

  /** The table with the lowest number above `last`, up to `end`. */
  #next(last: number, end: number): TableFile | undefined {
    let next: TableFile | undefined;
    for (const { file } of this.#host.versions.current.tables()) {
      const { number } = file.meta;
      if (number > last && number <= end && number < (next?.meta.number ?? Number.POSITIVE_INFINITY)) next = file;
    }
    return next;
  }

  /** Holds the table, so that its file stays while it is read. */
  async #check(file: TableFile): Promise<void> {
    file.acquire();
    try {
      const examined = await examineTable(this.#files, this.#host.directory, file.meta.number);
      this.#tables++;
      if (examined.damage.length > 0) this.#tellDamage(examined);
    } catch (error) {
      // What keeps it from reading may be gone in the next round.
      if (this.#stopping.signal.aborted && isKvtsError(error, "CANCELLED")) return;
      this.#logger.warn({ err: error, table: file.meta.number }, "a table could not be read again to check it");
    } finally {
      file.release();
    }
  }

  #tellDamage({ number, damage }: ExaminedTable): void {
    const first = damage[0]!;
    this.#damaged.add(number);
    this.#lastDamage = sentenceOf(first);
    const { file = "", offset = 0 } = first.details;
    this.#logger.error({ file, offset, problems: damage.length }, this.#lastDamage);
  }
}
