import type { ResolvedRange } from "@kvts/common";
import type { FeedBatch, FeedRecord } from "./feed-record.ts";

/** Bytes that wait in all topics together. */
export interface FeedMemory {
  bytes: number;
  readonly bytesMax: number;
}

/** Where one watcher stands among the batches of its topic. */
export interface Subscriber {
  /** Number of the batch that it takes next. */
  cursor: number;
  /** Set where a batch that it had not taken was dropped: what follows this seq has to be read from the log. */
  lostAfterSeq: number | undefined;
  /** Something has come, or been lost. */
  wake(): void;
}

interface HeldBatch extends FeedBatch {
  /** Subscribers that are still to take it. */
  left: number;
}

/**
 * One range that somebody watches, and the batches in it that not everybody has taken. They are held once for all of its
 * subscribers, and no longer than a bound in bytes allows: who has not taken what is dropped goes on from the log.
 */
export class Topic {
  readonly range: ResolvedRange;
  /** Every key that begins with the topic's prefix is in the range. */
  readonly isPrefix: boolean;
  readonly #memory: FeedMemory;
  readonly #bytesMax: number;
  readonly #subscribers: Set<Subscriber> = new Set();
  readonly #waiting: Set<Subscriber> = new Set();
  #batches: HeldBatch[] = [];
  /** Number of the first batch held. */
  #first = 0;
  #bytes = 0;
  /** Operations of the batch that is being handed out. */
  collected: FeedRecord[] = [];
  collectedBytes = 0;
  /** The batch that is being handed out has an operation in the range. */
  isTouched = false;

  constructor(range: ResolvedRange, isPrefix: boolean, memory: FeedMemory, bytesMax: number) {
    this.range = range;
    this.isPrefix = isPrefix;
    this.#memory = memory;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#subscribers.size === 0;
  }

  /** From the next batch on. */
  subscribe(wake: () => void): Subscriber {
    const subscriber = { cursor: this.#first + this.#batches.length, lostAfterSeq: undefined, wake };
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#waiting.delete(subscriber);
    if (!this.#subscribers.delete(subscriber)) return;
    for (let at = subscriber.cursor - this.#first; at < this.#batches.length; at++) this.#batches[at]!.left--;
    this.#trim();
  }

  /** What the subscriber has not taken yet; nothing where something was lost. */
  take(subscriber: Subscriber, count: number): FeedBatch[] {
    if (subscriber.lostAfterSeq !== undefined) return [];
    const from = subscriber.cursor - this.#first;
    const taken = this.#batches.slice(from, from + count);
    for (const batch of taken) batch.left--;
    subscriber.cursor += taken.length;
    this.#trim();
    return taken;
  }

  /** Wakes the subscriber once, with what comes next. */
  await(subscriber: Subscriber): void {
    this.#waiting.add(subscriber);
  }

  /** Those that wait; they do not any more. */
  takeWaiting(): Subscriber[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  push(batch: FeedBatch): void {
    if (this.isEmpty) return;
    this.#batches.push({ ...batch, left: this.#subscribers.size });
    this.#add(batch.bytes);
    while (this.#bytes > this.#bytesMax) this.#drop();
    if (this.#memory.bytes > this.#memory.bytesMax) this.cut();
    this.#trim();
  }

  /** Drops all that is held. */
  cut(): void {
    while (this.#batches.length > 0) this.#drop();
  }

  /** A batch that is not held: nobody has it, and everybody goes on from the log. */
  skip(afterSeq: number): void {
    this.cut();
    this.#lose(this.#first, afterSeq);
  }

  #drop(): void {
    const [batch] = this.#batches.splice(0, 1);
    this.#add(-batch!.bytes);
    this.#first++;
    this.#lose(this.#first - 1, batch!.afterSeq);
  }

  /** Lets go of those that were to take batch `number` next, which comes before all that are held. */
  #lose(number: number, afterSeq: number): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.cursor !== number) continue;
      subscriber.lostAfterSeq = afterSeq;
      this.#subscribers.delete(subscriber);
      for (const held of this.#batches) held.left--;
    }
  }

  #trim(): void {
    let taken = 0;
    while (this.#batches[taken]?.left === 0) this.#add(-this.#batches[taken++]!.bytes);
    if (taken === 0) return;
    this.#batches.splice(0, taken);
    this.#first += taken;
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }
}
