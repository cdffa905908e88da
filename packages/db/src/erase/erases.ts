import { type EraseProgress, type EraseResult, isKvtsError, type KvtsError, type ResolvedRange } from "@kvts/common";
import type { Background } from "../background/background.ts";
import { storeError } from "../io-error.ts";
import type { Recovered } from "../recovered.ts";
import type { Restores } from "../restore/restores.ts";
import type { Writing } from "../writing.ts";
import type { Erasure } from "./erasure.ts";
import { Erasures } from "./erasures.ts";
import { ErasurePass, type PassCounts } from "./pass.ts";

/** Waits between tries of a pass that failed, doubling up to the last. */
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 5_000;
/** Tries to make an erasure show on a full disk, while its reserve is being released. */
const FULL_DISK_TRIES = 5;

/** What erasures ask of the store around them. */
export interface ErasesHost {
  readonly parts: Recovered;
  readonly writing: Writing;
  readonly background: Background;
  readonly restores: Restores;
  /** @throws what the store refuses writes with */
  checkWritable(): void;
}

interface Waiting {
  readonly seq: number;
  readonly onProgress: (progress: EraseProgress) => void;
  resolve(counts: PassCounts): void;
  reject(error: KvtsError): void;
}

/**
 * Erases in two steps. In the first an erasure gets a seq of its own in the order of commits and is entered in the manifest:
 * from then on every read and every merge goes by it, after a crash too. In the second all that holds a byte of what it hides
 * is written anew or removed, and in the end the manifest, since its bounds are bytes of keys.
 *
 * The second step is taken for all erasures that are in force by then, one pass after the other; it goes on when the store
 * is opened again, and is tried again when it fails.
 */
export class Erases {
  readonly #host: ErasesHost;
  readonly #closing: AbortController = new AbortController();
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  /** Why no pass will come to its end while the store is open. */
  #failure: KvtsError | undefined;
  /** How far the pass under way has come. */
  #progress: EraseProgress | undefined;

  constructor(host: ErasesHost) {
    this.#host = host;
    this.#start();
  }

  /** How far the erasures under way have come; undefined where there are none. */
  get progress(): EraseProgress | undefined {
    return this.#progress;
  }

  /** Erasures that are in force, their bytes not all gone. */
  get count(): number {
    return this.#host.parts.layers.erasures?.list.length ?? 0;
  }

  /**
   * Resolves when the bytes are gone.
   * @param hidden called once reads do not see them any more, and never will
   * @throws what the store refuses writes with, NO_SPACE: nothing has happened; once it is hidden, CLOSED, CORRUPTION: it
   *   stays hidden, and goes on when the store is opened again
   */
  async erase(
    range: ResolvedRange,
    onProgress: (progress: EraseProgress) => void,
    hidden: (seq: number) => void,
  ): Promise<EraseResult> {
    if (this.#failure !== undefined) throw this.#failure;
    onProgress({ phase: "hiding", bytesTotal: 0, bytesDone: 0 });
    const seq = await this.#host.restores.inTurn(() => this.#hide(range));
    hidden(seq);
    const counts = await new Promise<PassCounts>((resolve, reject) => {
      this.#waiting.push({ seq, onProgress, resolve, reject });
      this.#start();
      if (this.#failure !== undefined) this.#refuse(this.#failure);
    });
    return { seq, ...counts };
  }

  /** Memory or tables have changed. */
  changed(): void {
    const progress = this.#progress;
    if (progress?.phase !== "tables") return;
    const bytesLeft = this.#host.background.erasable().reduce((sum, { file }) => sum + file.meta.fileBytes, 0);
    const bytesDone = Math.max(progress.bytesDone, progress.bytesTotal - bytesLeft);
    if (bytesDone > progress.bytesDone) this.#report({ ...progress, bytesDone });
  }

  /** Ends what is under way; what is hidden stays so. */
  async close(reason: KvtsError): Promise<void> {
    this.#closing.abort(reason);
    this.#failure ??= reason;
    this.#host.background.abandonErasure(reason);
    await this.#working;
    this.#refuse(reason);
  }

  /** Gives the erasure its place among the commits, and puts it in force. */
  async #hide({ start, end }: ResolvedRange): Promise<number> {
    const { writing, parts } = this.#host;
    for (let tries = 1; ; tries++) {
      try {
        let seq = 0;
        await writing.alone(async () => {
          seq = await this.#commit(start, end);
        });
        return seq;
      } catch (error) {
        if (!isKvtsError(error, "NO_SPACE") || tries >= FULL_DISK_TRIES) throw error;
        await parts.settings.components.scheduler.delay(RETRY_MS_FIRST * tries, this.#closing.signal);
      }
    }
  }

  /** With nothing else being committed. */
  async #commit(start: Uint8Array, end: Uint8Array | undefined): Promise<number> {
    const { writing, parts, checkWritable } = this.#host;
    const { layers } = parts;
    checkWritable();
    await writing.syncLog();
    const { seq } = await writing.queue.reserve(1, 0);
    const erasures: readonly Erasure[] = [...(layers.erasures?.list ?? []), { start, end, seq }];
    await writing.persist({ erasures, ...writing.feedCutAt(seq) });
    layers.erase(Erasures.of(erasures));
    writing.queue.publish(seq);
    writing.feed.cut(seq);
    return seq;
  }

  #start(): void {
    if (this.#working !== undefined || this.#failure !== undefined || this.count === 0) return;
    this.#working = this.#work().finally(() => {
      this.#working = undefined;
      this.#progress = undefined;
      this.#start();
    });
  }

  /** Pass after pass, until nothing is in force. */
  async #work(): Promise<void> {
    const { parts, background } = this.#host;
    const { logger, components } = parts.settings;
    const { signal } = this.#closing;
    let retryMs = RETRY_MS_FIRST;
    // On a turn of its own: the store may still be coming up.
    await components.scheduler.nextTurn();
    while (this.count > 0 && !signal.aborted) {
      const { erasures } = parts.layers;
      try {
        const pass = new ErasurePass(this.#host, signal, (progress) => this.#report(progress));
        const counts = await pass.run(erasures!.lastSeq);
        this.#settle(erasures!.lastSeq, counts);
        retryMs = RETRY_MS_FIRST;
      } catch (error) {
        if (signal.aborted) return;
        const failure = storeError(error);
        this.#host.writing.noticeFullDisk(error);
        logger.warn({ err: error }, "what is erased could not be removed from the disk yet; it stays hidden");
        if (failure.code === "CORRUPTION" || failure.code === "READ_ONLY" || background.isStopped) {
          this.#failure = failure;
          return this.#refuse(failure);
        }
        await components.scheduler.delay(retryMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
  }

  #report(progress: EraseProgress): void {
    this.#progress = progress;
    for (const { onProgress } of this.#waiting) onProgress(progress);
  }

  /** Everything up to a seq is gone. */
  #settle(lastSeq: number, counts: PassCounts): void {
    const done = this.#waiting.filter(({ seq }) => seq <= lastSeq);
    this.#waiting = this.#waiting.filter(({ seq }) => seq > lastSeq);
    for (const { resolve } of done) resolve(counts);
  }

  #refuse(reason: KvtsError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}
