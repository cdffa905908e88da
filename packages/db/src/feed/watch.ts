import {
  abortError,
  type CheckedWatchOptions,
  checkIncarnation,
  type EntriesSource,
  type Entry,
  invalidArgument,
  isKvtsError,
  type Key,
  type ResolvedRange,
  type WatchEvent,
} from "@kvts/common";
import type { KeyForm } from "../read/key-decoder.ts";
import type { CatchUp } from "./catch-up.ts";
import { type Feed, type FeedWatcher, feedClosedError } from "./feed.ts";
import { type FeedBatch, feedItemOf } from "./feed-record.ts";
import type { Subscriber, Topic } from "./topic.ts";

/** Batches taken at a time: each becomes an event. */
const BATCHES_MAX = 64;
/** Entries of a page of the initial state. */
const PAGE_ITEMS = 256;
/** Milliseconds without an event after which a watcher hears how far the feed has come. */
const PROGRESS_MS = 10_000;

/** The state of the range at a pinned seq, page by page. */
export interface InitialState<K extends Key> {
  nextv(count: number): Promise<Entry<K>[]>;
  close(): Promise<void>;
}

/** Where a watcher is served from that lacks nothing. */
interface Place {
  readonly topic: Topic;
  readonly subscriber: Subscriber;
}

export interface WatchSettings<K extends Key> {
  readonly feed: Feed;
  readonly range: ResolvedRange;
  readonly form: KeyForm;
  readonly options: CheckedWatchOptions;
  readonly signal: AbortSignal | undefined;
  /** The newest seq when the watch was asked for. */
  readonly nowSeq: number;
  /** @throws CURSOR_EXPIRED */
  readonly initialState: (seq: number) => InitialState<K>;
}

/**
 * One watcher: first the initial state, where that is wanted, then what it lacks from the log, then what its topic hands
 * out; and whenever it was too slow for that, from the log again. In between it holds a place and nothing else.
 */
export class Watch<K extends Key> implements EntriesSource<WatchEvent<K>>, FeedWatcher {
  progressDueMs: number | undefined;
  readonly #settings: WatchSettings<K>;
  readonly #feed: Feed;
  /** Up to here everything has been given out. */
  #seq: number;
  #begun = false;
  #isOver = false;
  #initial: InitialState<K> | undefined;
  #live: Place | undefined;
  #catchUp: CatchUp | undefined;
  #resume: (() => void) | undefined;
  #saysProgress: boolean;

  constructor(settings: WatchSettings<K>) {
    const { feed, options, nowSeq } = settings;
    this.#settings = settings;
    this.#feed = feed;
    this.#seq = options.afterSeq ?? nowSeq;
    this.#saysProgress = options.progress;
  }

  async pull(): Promise<WatchEvent<K>[]> {
    if (!this.#begun) this.#begin();
    for (;;) {
      if (this.#isOver) return [];
      if (this.#feed.isClosed) throw feedClosedError();
      const events = await this.#next();
      if (events.length > 0) return this.#given(events);
    }
  }

  interrupt(): void {
    this.#isOver = true;
    this.wake();
  }

  wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#settings.signal?.removeEventListener("abort", this.#aborted);
    this.#feed.leave(this);
    this.#leaveTopic();
    await this.#initial?.close();
  }

  readonly #aborted = (): void => this.interrupt();

  #begin(): void {
    this.#begun = true;
    const { signal, options, nowSeq } = this.#settings;
    if (signal?.aborted === true) throw abortError(signal);
    if (this.#feed.isClosed) throw feedClosedError();
    checkIncarnation(options.incarnation, this.#feed.incarnation);
    const newest = Math.max(nowSeq, this.#feed.publishedSeq);
    if (this.#seq > newest) {
      throw invalidArgument(`seq ${this.#seq} is still to come; the newest is ${newest}`, { currentSeq: newest });
    }
    signal?.addEventListener("abort", this.#aborted, { once: true });
    if (options.initial) this.#initial = this.#settings.initialState(this.#seq);
    if (options.progress) this.progressDueMs = this.#feed.scheduler.monotonicMs();
    this.#feed.join(this);
    if (this.#seq >= this.#feed.seq) this.#joinTopic();
    // What cannot be honoured is told at once, not after a first page.
    else this.#feed.catchUp(this.#settings.range, this.#seq).check();
  }

  async #next(): Promise<WatchEvent<K>[]> {
    if (this.#initial !== undefined) return await this.#nextPage(this.#initial);
    if (this.#saysProgress) return [this.#progress()];
    if (this.#live !== undefined) return await this.#nextLive(this.#live);
    return await this.#nextMissed();
  }

  async #nextPage(initial: InitialState<K>): Promise<WatchEvent<K>[]> {
    // What is not on disk for certain is not shown.
    if (this.#feed.seq < this.#seq) {
      await this.#wait(() => this.#feed.awaitSeq(this.#seq, this));
      return [];
    }
    const items = await initial.nextv(PAGE_ITEMS);
    const page = { seq: this.#seq, items, initial: true as const };
    if (items.length === PAGE_ITEMS) return [{ ...page, more: true }];
    this.#initial = undefined;
    await initial.close();
    this.#saysProgress = false;
    return [page];
  }

  /** What the topic has handed out, once there is something. */
  async #nextLive({ topic, subscriber }: Place): Promise<WatchEvent<K>[]> {
    const batches = topic.take(subscriber, BATCHES_MAX);
    const events = this.#eventsOf(batches);
    if (events.length > 0 || batches.length > 0) return events;
    const { lostAfterSeq } = subscriber;
    if (lostAfterSeq !== undefined) {
      this.#leaveTopic();
      this.#seq = Math.max(this.#seq, lostAfterSeq);
      return [];
    }
    this.#seq = Math.max(this.#seq, this.#feed.settledSeq);
    if (this.#isProgressDue()) return [this.#progress()];
    await this.#wait(() => topic.await(subscriber));
    return [];
  }

  /** What the watcher lacks, from the log. */
  async #nextMissed(): Promise<WatchEvent<K>[]> {
    this.#catchUp ??= this.#feed.catchUp(this.#settings.range, this.#seq);
    const catchUp = this.#catchUp;
    let batches: FeedBatch[];
    try {
      batches = await this.#feed.read(catchUp);
    } catch (error) {
      if (!isKvtsError(error, "FEED_TRIMMED")) throw error;
      throw this.#feed.overloaded(this.#seq);
    }
    const events = this.#eventsOf(batches);
    this.#seq = Math.max(this.#seq, catchUp.seq);
    // One step, in which nothing is handed out: what comes after this place comes by the topic.
    // Where the feed has been cut meanwhile, the log does not lead to its end: the next look says so.
    if (!this.#feed.isClosed && catchUp.isDone && this.#seq >= this.#feed.floor) {
      this.#catchUp = undefined;
      this.#seq = Math.max(this.#seq, this.#feed.seq);
      this.#joinTopic();
    }
    return events;
  }

  #eventsOf(batches: readonly FeedBatch[]): WatchEvent<K>[] {
    const { form, range } = this.#settings;
    // A batch that was being handed out when the watcher joined is not its business any more.
    const fresh = batches.filter(({ seq }) => seq > this.#seq);
    return fresh.map(({ records, seq, more }) => {
      const items = records.map((record) => feedItemOf<K>(record, form, range));
      this.#seq = seq;
      return more ? { seq, items, more: true as const } : { seq, items };
    });
  }

  #given(events: WatchEvent<K>[]): WatchEvent<K>[] {
    if (this.#settings.options.progress) this.progressDueMs = this.#feed.scheduler.monotonicMs() + PROGRESS_MS;
    return events;
  }

  #isProgressDue(): boolean {
    return this.progressDueMs !== undefined && this.progressDueMs <= this.#feed.scheduler.monotonicMs();
  }

  #progress(): WatchEvent<K> {
    this.#saysProgress = false;
    return { seq: this.#seq, items: [] };
  }

  #joinTopic(): void {
    this.#live = this.#feed.subscribe(this.#settings.range, () => this.wake());
  }

  #leaveTopic(): void {
    if (this.#live !== undefined) this.#feed.unsubscribe(this.#live.topic, this.#live.subscriber);
    this.#live = undefined;
  }

  /** Until `wake`, which `prepare` sees to. */
  #wait(prepare: () => void): Promise<void> {
    if (this.#isOver || this.#feed.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resume = resolve;
      prepare();
    });
  }
}
