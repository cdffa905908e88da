import { KvtsError, type Logger, type ResolvedRange } from "@kvts/common";
import type { CommitGroup } from "../commit/commit-group.ts";
import type { Scheduler } from "../env/scheduler.ts";
import { type LogPosition, SEGMENT_HEADER_BYTES } from "../wal/format.ts";
import type { Frame } from "../wal/frame.ts";
import { SegmentReader } from "../wal/segment-reader.ts";
import { CatchUp, type FeedReading } from "./catch-up.ts";
import { Dispatcher } from "./dispatcher.ts";
import { overloadedError, trimmedError } from "./feed-log.ts";
import type { FeedBatch } from "./feed-record.ts";
import type { RestoreMark } from "./restore-mark.ts";
import type { Subscriber, Topic } from "./topic.ts";
import { Turns } from "./turns.ts";

/** Readers of the log at a time: each holds a window of a megabyte. */
const READERS_MAX = 2;
/** Milliseconds that a buffered write may wait until the feed asks for its sync. */
const SYNC_DELAY_MS = 5;
/** Milliseconds between two looks for watchers that are to hear how far the feed has come. */
const PROGRESS_LOOK_MS = 1000;

/** How far the feed is: everything committed up to a seq, and where it ends in the log. */
export interface FeedPosition {
  readonly seq: number;
  readonly end: LogPosition;
}

export interface FeedHost {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** Whether what is published is on disk. */
  readonly isSynced: boolean;
  readonly queueBytesMax: number;
  readonly queuesBytesMax: number;
  readonly reading: Omit<FeedReading, "end" | "endSeq">;
  publishedSeq(): number;
  /** Where the log ends between two groups. */
  logEnd(): LogPosition;
  /** Puts everything appended on disk, and says how far that is. */
  sync(): Promise<FeedPosition>;
}

/** Whoever is to be told of the end, or of progress. */
export interface FeedWatcher {
  /** Milliseconds, on the scheduler's clock, at which it wants to hear how far the feed has come; undefined for never. */
  readonly progressDueMs: number | undefined;
  wake(): void;
}

/**
 * The change feed's live end. It follows what is committed and on disk, hands it out to the topics that are watched, and
 * knows how far it has come. Who lacks something reads it from the log ({@link CatchUp}) up to that place, and then joins.
 *
 * With synced writes a group is handed out from memory as it is published. Buffered ones are shown once a sync, which the
 * feed asks for, has covered them; they are read from the log then, once for all.
 */
export class Feed {
  readonly #host: FeedHost;
  readonly #dispatcher: Dispatcher;
  readonly #reading: FeedReading;
  readonly #readers: Turns = new Turns(READERS_MAX);
  readonly #watchers: Set<FeedWatcher> = new Set();
  #position: FeedPosition;
  #awaited: { readonly seq: number; readonly watcher: FeedWatcher }[] = [];
  #syncing: Promise<void> | undefined;
  #ticking: Promise<void> | undefined;
  readonly #closed: AbortController = new AbortController();
  /** Work under way that uses files. */
  readonly #running: Set<Promise<unknown>> = new Set();

  constructor(host: FeedHost, position: FeedPosition) {
    this.#host = host;
    this.#position = position;
    this.#dispatcher = new Dispatcher(host.scheduler, host.queueBytesMax, host.queuesBytesMax);
    this.#reading = { ...host.reading, end: () => this.#position.end, endSeq: () => this.#position.seq };
  }

  /** Up to here everything has been handed out, or is being. */
  get seq(): number {
    return this.#position.seq;
  }

  /** Up to here everything has been handed out. */
  get settledSeq(): number {
    return this.#dispatcher.isBusy ? Math.min(this.#dispatcher.settledSeq, this.#position.seq) : this.#position.seq;
  }

  get publishedSeq(): number {
    return this.#host.publishedSeq();
  }

  get incarnation(): string {
    return this.#reading.incarnation;
  }

  get scheduler(): Scheduler {
    return this.#host.scheduler;
  }

  get isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  get floor(): number {
    return this.#reading.log.floor;
  }

  /** The error of a watcher that cannot go on behind `lastSeq`. */
  overloaded(lastSeq: number): KvtsError {
    return overloadedError(lastSeq, this.#reading.log);
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Bytes that wait for watchers. */
  get queuedBytes(): number {
    return this.#dispatcher.queuedBytes;
  }

  /**
   * A group has become visible, and nobody knows yet whose the next one is. Undefined where all is done at once; until
   * the promise resolves the group must stay as it is.
   */
  published({ encoder, lastSeq }: CommitGroup): Promise<void> | undefined {
    const end = this.#host.logEnd();
    const offset = end.offset - encoder.bytes;
    this.#reading.log.noteFrame(end.segment, offset, encoder.firstSeq, lastSeq);
    if (!this.#host.isSynced) {
      if (this.#watchers.size > 0) this.#askForSync();
      return undefined;
    }
    this.#position = { seq: lastSeq, end };
    this.#wakeAwaited();
    return this.#dispatcher.dispatch(encoder, lastSeq);
  }

  /** A restore has become visible that is in no log; everything before it is on disk. */
  restored(mark: RestoreMark): void {
    this.#reading.log.restored(mark);
    if (!this.#host.isSynced) {
      // What comes before it is still to be handed out, from the log.
      if (this.#watchers.size > 0) this.#askForSync();
      return;
    }
    this.#handOutRestore(mark, this.#host.logEnd());
    this.#wakeAwaited();
  }

  /**
   * Something has become visible that is in no log, up to `seq`, and everything before it is on disk. Those who watch are
   * told that the feed begins behind it.
   */
  cut(seq: number): void {
    const before = this.seq;
    this.#reading.log.passedBy(seq);
    this.#position = { seq, end: this.#host.logEnd() };
    // They look for what follows in the log, and find that it is not there.
    this.#dispatcher.cutAll(before);
    this.#wakeAwaited();
  }

  join(watcher: FeedWatcher): void {
    this.#watchers.add(watcher);
    if (!this.#host.isSynced) this.#askForSync();
    if (watcher.progressDueMs !== undefined) this.#ticking ??= this.#tick();
  }

  leave(watcher: FeedWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** Wakes the watcher once everything up to `seq` is on disk for certain. */
  awaitSeq(seq: number, watcher: FeedWatcher): void {
    this.#awaited.push({ seq, watcher });
    this.#wakeAwaited();
  }

  subscribe(range: ResolvedRange, wake: () => void): { readonly topic: Topic; readonly subscriber: Subscriber } {
    return this.#dispatcher.subscribe(range, wake);
  }

  unsubscribe(topic: Topic, subscriber: Subscriber): void {
    this.#dispatcher.unsubscribe(topic, subscriber);
  }

  catchUp(range: ResolvedRange, afterSeq: number): CatchUp {
    return new CatchUp(this.#reading, range, afterSeq);
  }

  /** One run of a catch-up, when its turn comes. */
  read(catchUp: CatchUp): Promise<FeedBatch[]> {
    return this.#tracked(this.#readers.pass(() => (this.isClosed ? Promise.resolve([]) : catchUp.run())));
  }

  /** Ends all watches, and waits until no file is used any more. */
  async close(): Promise<void> {
    this.#closed.abort();
    for (const watcher of this.#watchers) watcher.wake();
    await Promise.allSettled([...this.#running, this.#syncing, this.#ticking]);
  }

  #wakeAwaited(): void {
    const due = this.#awaited.filter(({ seq }) => seq <= this.seq);
    if (due.length === 0) return;
    this.#awaited = this.#awaited.filter(({ seq }) => seq > this.seq);
    this.#dispatcher.wake(due.map(({ watcher }) => watcher));
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const done = (): void => void this.#running.delete(work);
    work.then(done, done);
    return work;
  }

  #askForSync(): void {
    if (this.#syncing !== undefined || this.isClosed || this.#host.publishedSeq() <= this.seq) return;
    this.#syncing = this.#sync().then((isSound) => {
      this.#syncing = undefined;
      if (isSound && this.#watchers.size > 0) this.#askForSync();
    });
  }

  /** False where the log takes no more: what is not on disk never will be, and is not shown. */
  async #sync(): Promise<boolean> {
    const { scheduler, logger } = this.#host;
    await scheduler.delay(SYNC_DELAY_MS, this.#closed.signal);
    if (this.isClosed) return false;
    try {
      await this.#advance(await this.#host.sync());
      return true;
    } catch (error) {
      logger.warn({ err: error }, "the change feed could not put the log on disk");
      return false;
    }
  }

  /** Hands out what has been put on disk, from the log. */
  async #advance(to: FeedPosition): Promise<void> {
    if (to.seq <= this.seq) return;
    const release = this.#reading.hold();
    try {
      for (let at = this.#position.end; !this.isClosed && !this.#dispatcher.isIdle && at.segment <= to.end.segment; ) {
        at = await this.#readTo(at, to);
        if (at.segment === to.end.segment && at.offset >= to.end.offset) break;
      }
      if (!this.isClosed) this.#handOutRestores(to.seq, to.end);
    } catch (error) {
      // Each watcher reads for itself now, and is told what is wrong.
      this.#host.logger.warn({ err: error }, "the change feed could not be read from the log");
      this.#dispatcher.cutAll(this.seq);
    } finally {
      release();
    }
    this.#position = to;
    this.#dispatcher.wakeAll();
    this.#wakeAwaited();
  }

  async #readTo(from: LogPosition, to: FeedPosition): Promise<LogPosition> {
    const { fileSystem, directory, incarnation, log } = this.#reading;
    const segment = log.find(from.segment);
    // Given up before it was on disk: what was in it is in tables.
    if (segment === undefined) throw trimmedError(this.seq, log);
    const limit = from.segment === to.end.segment ? to.end.offset : segment.end!;
    const reader = SegmentReader.open(fileSystem, directory, from.segment, incarnation);
    try {
      reader.offset = from.offset;
      while (reader.offset < limit) {
        if (!(await reader.next(limit))) throw new Error(`a frame of ${reader.file} is not whole`);
        await this.#handOut(reader, { segment: reader.number, offset: reader.offset });
      }
    } finally {
      reader.close();
    }
    if (from.segment === to.end.segment) return to.end;
    const next = log.after(from.segment);
    return next === undefined ? to.end : { segment: next.number, offset: SEGMENT_HEADER_BYTES };
  }

  async #handOut(frame: Frame, end: LogPosition): Promise<void> {
    this.#handOutRestores(frame.firstSeq - 1, this.#position.end);
    const seq = frame.firstSeq + frame.operationCount - 1;
    if (seq <= this.seq) return;
    this.#position = { seq, end };
    await this.#dispatcher.dispatch(frame, seq);
  }

  /** What no log holds up to a seq. */
  #handOutRestores(upTo: number, end: LogPosition): void {
    for (const mark of this.#reading.log.restoresIn(this.seq, upTo)) this.#handOutRestore(mark, end);
  }

  #handOutRestore(mark: RestoreMark, end: LogPosition): void {
    const before = this.seq;
    this.#position = { seq: mark.seq, end };
    this.#dispatcher.dispatchRestore(mark, before);
  }

  /** While somebody wants to hear of progress. */
  async #tick(): Promise<void> {
    const { scheduler } = this.#host;
    while (!this.isClosed) {
      const due = [...this.#watchers].filter(({ progressDueMs }) => progressDueMs !== undefined);
      if (due.length === 0) break;
      const now = scheduler.monotonicMs();
      this.#dispatcher.wake(due.filter(({ progressDueMs }) => progressDueMs! <= now));
      await scheduler.delay(PROGRESS_LOOK_MS, this.#closed.signal);
    }
    this.#ticking = undefined;
  }
}

export function feedClosedError(): KvtsError {
  return new KvtsError("CLOSED", "the store was closed while it was watched; open it again, and watch on");
}
