import { type CheckpointReport, invalidArgument, isKvtsError, KvtsError, shown, throwIfAborted } from "@kvts/common";
import type { StoreMoment } from "./checkpoint/moment.ts";
import { CheckpointTarget } from "./checkpoint/target.ts";
import { type WrittenCheckpoint, writeCheckpoint } from "./checkpoint/write-checkpoint.ts";
import { directoryError, isDiskFull } from "./io-error.ts";
import type { Settings } from "./options.ts";

/** What checkpoints ask of the store around them. */
export interface CheckpointHost {
  readonly directory: string;
  readonly settings: Settings;
  /** Waits for the next moment between two commit groups, and holds on to it. @throws what the store refuses writes with */
  moment(): Promise<StoreMoment>;
}

/** Makes checkpoints of a running store: each is a store of its own in another directory. */
export class Checkpoints {
  readonly #host: CheckpointHost;
  readonly #running: Set<Promise<unknown>> = new Set();
  readonly #closed: AbortController = new AbortController();

  constructor(host: CheckpointHost) {
    this.#host = host;
  }

  /**
   * Makes one in `directory`, which is empty or still to be made. Reads and writes go on meanwhile.
   * @throws INVALID_ARGUMENT where the directory cannot be used; NO_SPACE; CANCELLED; CORRUPTION; UNAVAILABLE. Nothing is
   *   left in the directory then, or else the sentence names it
   */
  make(directory: string, signal: AbortSignal | undefined): Promise<CheckpointReport> {
    const making = this.#make(directory, signal);
    this.#running.add(making);
    const done = (): void => void this.#running.delete(making);
    making.then(done, done);
    return making;
  }

  /** Begins none any more, gives up those under way, and waits for them. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.allSettled(this.#running);
  }

  async #make(directory: string, signal: AbortSignal | undefined): Promise<CheckpointReport> {
    if (typeof directory !== "string" || directory === "") {
      throw invalidArgument(`the directory of a checkpoint is a path such as "./backup", not ${shown(directory)}`);
    }
    const { fileSystem, scheduler } = this.#host.settings.components;
    const startedMs = scheduler.monotonicMs();
    let target: CheckpointTarget | undefined;
    try {
      throwIfAborted(signal);
      target = await CheckpointTarget.take(fileSystem, directory);
      await target.begin();
      const { seq, ...written } = await this.#write(target, signal);
      await target.finish();
      return { directory, seq, ...written, elapsedMs: Math.round(scheduler.monotonicMs() - startedMs) };
    } catch (error) {
      const isEmpty = target === undefined || (await this.#isDiscarded(target));
      throw checkpointError(error, directory, isEmpty);
    }
  }

  async #write(
    target: CheckpointTarget,
    signal: AbortSignal | undefined,
  ): Promise<WrittenCheckpoint & { seq: number }> {
    const { directory, settings } = this.#host;
    const moment = await this.#host.moment();
    try {
      const written = await writeCheckpoint({ directory, settings, moment }, target.directory, () => {
        throwIfAborted(signal);
        if (this.#closed.signal.aborted) {
          throw new KvtsError(
            "CLOSED",
            "the store was closed before the checkpoint was whole; open it and make another",
          );
        }
      });
      return { seq: moment.lastSeq, ...written };
    } finally {
      moment.release();
    }
  }

  async #isDiscarded(target: CheckpointTarget): Promise<boolean> {
    try {
      await target.discard();
      return true;
    } catch (error) {
      this.#host.settings.logger.warn({ err: error, directory: target.directory }, "a checkpoint could not be removed");
      return false;
    }
  }
}

/** What the caller is told; where something is left, also that. */
function checkpointError(error: unknown, directory: string, isEmpty: boolean): KvtsError {
  const { code, message, details } = explained(error, directory);
  const left = isEmpty ? "" : `; remove ${directory}, where an unfinished checkpoint is left`;
  return new KvtsError(code, `${message}${left}`, { details, cause: error });
}

function explained(error: unknown, directory: string): KvtsError {
  // A file of the checkpoint that could not be synced is no trouble of the store's own log or manifest.
  const cause = isKvtsError(error, "READ_ONLY") && error.cause !== undefined ? error.cause : error;
  if (isKvtsError(cause)) return cause;
  if (isDiskFull(cause)) {
    return new KvtsError(
      "NO_SPACE",
      `the disk has no room for a checkpoint in ${directory}; make some, or name a directory on another disk`,
    );
  }
  const explained = directoryError(cause, directory);
  if (explained !== undefined) return explained;
  const { message } = cause as { message?: string };
  return new KvtsError(
    "UNAVAILABLE",
    `no checkpoint could be made in ${directory} (${message ?? String(cause)}); try again`,
  );
}
