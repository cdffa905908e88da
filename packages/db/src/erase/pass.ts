import type { ErasePhase, EraseProgress, EraseResult } from "@kvts/common";
import type { ErasesHost } from "./erases.ts";
import { Erasures } from "./erasures.ts";
import { filesSetAside } from "./set-aside.ts";

/** Between two looks at whether files are gone that somebody holds, milliseconds. */
const LOOK_MS = 20;

export type PassCounts = Omit<EraseResult, "seq">;

/**
 * Removes all bytes that the erasures in force up to a seq hide, in this order:
 *
 * 1. The log goes on in a segment that never held anything else, and memory is flushed, so that older segments are not needed.
 * 2. Files of range marks whose bounds are erased are written anew, and tables that may hold something erased too, or
 *    removed where they hold nothing else.
 * 3. The older log segments go, those that the change feed keeps among them.
 * 4. Files that were still being read are gone, and the frames of their blocks are overwritten.
 * 5. The erasures are taken out of the manifest, which begins anew: its bounds are bytes of keys.
 *
 * Each step finds out for itself what is left to do, so that a pass that failed, or was cut short, is simply begun again.
 */
export class ErasurePass {
  readonly #host: ErasesHost;
  readonly #closing: AbortSignal;
  readonly #report: (progress: EraseProgress) => void;
  #bytesTotal = 0;
  #bytesDone = 0;

  constructor(host: ErasesHost, closing: AbortSignal, report: (progress: EraseProgress) => void) {
    this.#host = host;
    this.#closing = closing;
    this.#report = report;
  }

  async run(lastSeq: number): Promise<PassCounts> {
    const { background } = this.#host;
    const before = { ...background.counts };
    this.#enter("memory");
    const freshLog = await this.#emptyMemory();
    await this.#rewriteTables();
    this.#enter("log");
    await this.#removeLog(freshLog);
    this.#enter("files");
    await this.#awaitFiles();
    await this.#forget(lastSeq);
    const { counts } = background;
    return {
      removed: counts.erasedVersions - before.erasedVersions,
      tablesRewritten: counts.erasedTables - before.erasedTables,
      bytesRewritten: counts.erasedTableBytes - before.erasedTableBytes,
      setAside: filesSetAside(this.#host.parts),
      checkpoints: [],
    };
  }

  #enter(phase: ErasePhase): void {
    this.#closing.throwIfAborted();
    this.#report({ phase, bytesTotal: this.#bytesTotal, bytesDone: this.#bytesDone });
  }

  /** Returns the number of the first log segment that holds nothing erased. */
  async #emptyMemory(): Promise<number> {
    const { writing, background, parts } = this.#host;
    const freshLog = await writing.startAfresh();
    await background.flushAll();
    // Where there was nothing to flush, nobody has told the manifest that older logs are not needed.
    if (parts.versions.numbers.logNumber < freshLog) await writing.persist({ logNumber: parts.layers.oldestLog() });
    return freshLog;
  }

  async #rewriteTables(): Promise<void> {
    const { background } = this.#host;
    await background.eraseFromSideFiles();
    await background.learnErasable();
    this.#bytesTotal = background.erasable().reduce((sum, { file }) => sum + file.meta.fileBytes, 0);
    this.#enter("tables");
    await background.eraseFromTables();
    this.#bytesDone = this.#bytesTotal;
  }

  async #removeLog(freshLog: number): Promise<void> {
    const { writing, parts } = this.#host;
    const { logs, versions } = parts;
    const isGone = () => !logs.holdsBelow(freshLog);
    const release = () => writing.releaseLogs(versions.numbers.logNumber);
    await this.#until(isGone, release);
    await writing.dropFeed(freshLog);
    await this.#until(isGone, release);
  }

  /** Waits until the files that held something erased are gone, whoever may still be reading them. */
  async #awaitFiles(): Promise<void> {
    const { background, parts } = this.#host;
    const { tables, markFiles, directory } = parts;
    const { fileSystem, scheduler } = parts.settings.components;
    const named = (): readonly number[] => [...tables.obsolete(), ...background.jobs.abandoned, ...markFiles.stuck];
    const old = new Set(named());
    await this.#until(
      () => !named().some((number) => old.has(number)),
      async () => {
        await tables.removeStuck();
        await background.jobs.removeAbandoned();
        await markFiles.removeStuck();
      },
    );
    await tables.scrubCache(() => scheduler.nextTurn());
    await fileSystem.syncDirectory(directory);
  }

  async #forget(lastSeq: number): Promise<void> {
    const { writing, parts } = this.#host;
    const { layers, versions, logs } = parts;
    await writing.queue.between(async () => {
      const left = (layers.erasures?.list ?? []).filter(({ seq }) => seq > lastSeq);
      await versions.renew({ erasures: left });
      layers.erase(Erasures.of(left));
      if (left.length === 0) logs.writer.keepSpares();
    });
  }

  /** Looks again and again, having done something about it. */
  async #until(isDone: () => boolean, step: () => unknown): Promise<void> {
    const { scheduler } = this.#host.parts.settings.components;
    while (!isDone()) {
      this.#closing.throwIfAborted();
      await step();
      if (!isDone()) await scheduler.delay(LOOK_MS, this.#closing);
    }
  }
}
