import type { ResolvedRange } from "@kvts/common";
import type { Scheduler } from "../env/scheduler.ts";
import type { Frame } from "../wal/frame.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import { cursorSeq, deletedRangeAt, type FeedRecord, recordAt, recordBytes, restoredBatch } from "./feed-record.ts";
import type { RestoreMark } from "./restore-mark.ts";
import type { FeedMemory, Subscriber, Topic } from "./topic.ts";
import { TopicIndex } from "./topic-index.ts";

/** Operations handed out in one go. */
const OPERATIONS_PER_TURN = 512;
/** Watchers woken in one go: each does work of its own then. */
const WAKES_PER_TURN = 64;
/** Of a larger frame nothing is copied: those whom it concerns read it from the log. */
const COPIED_FRAME_BYTES_MAX = 2 * 1024 * 1024;

interface Wakeable {
  wake(): void;
}

/** Hands out frames, one after the other, to the topics that they concern, each operation decoded once. */
export class Dispatcher {
  readonly #scheduler: Scheduler;
  readonly #memory: FeedMemory;
  readonly #topics: TopicIndex;
  readonly #wakes: Wakeable[] = [];
  #isWaking = false;
  #touched: Topic[] = [];
  /** Those whose topic has got something since they were last woken. */
  #stirred: Set<Topic> = new Set();
  /** Set while a frame is being handed out. */
  isBusy = false;
  /** Up to here everything is handed out. */
  settledSeq = 0;

  constructor(scheduler: Scheduler, queueBytesMax: number, queuesBytesMax: number) {
    this.#scheduler = scheduler;
    this.#memory = { bytes: 0, bytesMax: queuesBytesMax };
    this.#topics = new TopicIndex(this.#memory, queueBytesMax);
  }

  /** Whether nobody is there to take anything. */
  get isIdle(): boolean {
    return this.#topics.isEmpty;
  }

  get queuedBytes(): number {
    return this.#memory.bytes;
  }

  subscribe(range: ResolvedRange, wake: () => void): { readonly topic: Topic; readonly subscriber: Subscriber } {
    const topic = this.#topics.topicOf(range);
    return { topic, subscriber: topic.subscribe(wake) };
  }

  unsubscribe(topic: Topic, subscriber: Subscriber): void {
    topic.unsubscribe(subscriber);
    if (topic.isEmpty) this.#topics.remove(topic);
  }

  /** @param lastSeq the frame's. Undefined where all is done at once; the frame must stay as it is until then. */
  dispatch(frame: Frame, lastSeq: number): Promise<void> | undefined {
    if (this.isIdle) {
      this.settledSeq = lastSeq;
      return undefined;
    }
    const stretch = new Stretch(frame, this.#topics, (topic) => this.#touched.push(topic));
    this.isBusy = true;
    if (!this.#handOut(stretch)) return this.#handOutRest(stretch, lastSeq);
    this.#settle(lastSeq);
    return undefined;
  }

  /** Hands out a restore that no log holds, between two frames. @param afterSeq everything up to it has been handed out */
  dispatchRestore(mark: RestoreMark, afterSeq: number): void {
    this.#topics.matchRange(mark.range, (topic) => {
      topic.push(restoredBatch(mark, afterSeq));
      this.#stirred.add(topic);
    });
    this.#settle(mark.seq);
  }

  /** Lets everybody go on from the log behind `seq`. */
  cutAll(seq: number): void {
    for (const topic of this.#topics.all()) {
      topic.skip(seq);
      this.#stirred.add(topic);
    }
    this.wakeAll();
  }

  /** Those whose topic has got something, a few at a time. */
  wakeAll(): void {
    for (const topic of this.#stirred) this.#wakes.push(...topic.takeWaiting());
    this.#stirred.clear();
    this.wake([]);
  }

  wake(more: readonly Wakeable[]): void {
    for (const each of more) this.#wakes.push(each);
    if (this.#isWaking || this.#wakes.length === 0) return;
    this.#isWaking = true;
    void this.#wakeSlowly();
  }

  /** Never rejects. */
  async #wakeSlowly(): Promise<void> {
    while (this.#wakes.length > 0) {
      for (const each of this.#wakes.splice(0, WAKES_PER_TURN)) each.wake();
      if (this.#wakes.length > 0) await this.#scheduler.nextTurn();
    }
    this.#isWaking = false;
  }

  async #handOutRest(stretch: Stretch, lastSeq: number): Promise<void> {
    do await this.#scheduler.nextTurn();
    while (!this.#handOut(stretch));
    this.#settle(lastSeq);
  }

  /** True when the frame is done. */
  #handOut(stretch: Stretch): boolean {
    for (let left = OPERATIONS_PER_TURN; left > 0; left--) {
      if (!stretch.next()) return true;
      if (stretch.endsBatch) this.#endBatch(stretch);
    }
    return false;
  }

  #endBatch(stretch: Stretch): void {
    const { seq, afterSeq } = stretch;
    for (const topic of this.#touched) {
      const { collected: records, collectedBytes: bytes } = topic;
      if (stretch.copies) topic.push({ records, seq, afterSeq, more: false, bytes });
      else topic.skip(afterSeq);
      topic.collected = [];
      topic.collectedBytes = 0;
      topic.isTouched = false;
      this.#stirred.add(topic);
    }
    this.#touched.length = 0;
  }

  #settle(lastSeq: number): void {
    this.isBusy = false;
    this.settledSeq = lastSeq;
    if (this.#stirred.size > 0) this.wakeAll();
  }
}

/** A frame on its way to the topics, an operation at a time. */
class Stretch {
  readonly copies: boolean;
  /** The seq of the operation, and that before its batch. */
  seq = 0;
  afterSeq: number;
  endsBatch = false;
  readonly #cursor: OperationCursor;
  readonly #bytes: Buffer;
  readonly #topics: TopicIndex;
  readonly #touched: (topic: Topic) => void;
  #record: FeedRecord | undefined;
  #begins = true;

  constructor(frame: Frame, topics: TopicIndex, touched: (topic: Topic) => void) {
    this.#cursor = new OperationCursor().open(frame);
    const { buffer, byteOffset, length } = frame.u8;
    this.#bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, length);
    this.copies = (frame.endWord - frame.firstWord) * 4 <= COPIED_FRAME_BYTES_MAX;
    this.#topics = topics;
    this.#touched = touched;
    this.afterSeq = frame.firstSeq - 1;
  }

  next(): boolean {
    const cursor = this.#cursor;
    if (!cursor.next()) return false;
    if (this.#begins) this.afterSeq = cursorSeq(cursor) - 1;
    this.seq = cursorSeq(cursor);
    this.endsBatch = cursor.endsBatch;
    this.#begins = cursor.endsBatch;
    this.#record = undefined;
    const deleted = deletedRangeAt(cursor);
    if (deleted !== undefined) this.#topics.matchRange(deleted, this.#collect);
    else this.#topics.match(this.#bytes, cursor.keyWord * 4, cursor.keyLength, this.#collect);
    return true;
  }

  readonly #collect = (topic: Topic): void => {
    if (!topic.isTouched) {
      topic.isTouched = true;
      this.#touched(topic);
    }
    if (!this.copies) return;
    this.#record ??= recordAt(this.#cursor);
    const record = this.#record;
    topic.collected.push(record);
    topic.collectedBytes += recordBytes(record);
  };
}
