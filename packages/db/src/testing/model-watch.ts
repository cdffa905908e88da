import {
  abortError,
  type CheckedWatchOptions,
  checkIncarnation,
  decodeKey,
  type EntriesSource,
  type FeedItem,
  invalidArgument,
  type KeyOf,
  KvtsError,
  makeEntry,
  makeTombstone,
  type ResolvedRange,
  type WatchEvent,
} from "@kvts/common";
import type { FedOperation, Model } from "./model.ts";

export interface ModelFeed {
  readonly model: Model;
  readonly incarnation: string;
  /** Microseconds. */
  readonly now: () => number;
  readonly isClosed: () => boolean;
  /** What was committed up to this seq is not told any more. */
  readonly floor: () => number;
  /** Those that wait for the next commit, or the end. */
  readonly waiting: Set<() => void>;
}

const PAGE_ITEMS = 256;

/** A watch of a model: every batch is there as soon as it is committed, and for ever. */
export class ModelWatch<F extends "string" | "bytes"> implements EntriesSource<WatchEvent<KeyOf<F>>> {
  readonly #feed: ModelFeed;
  readonly #range: ResolvedRange;
  readonly #form: F;
  readonly #options: CheckedWatchOptions;
  readonly #signal: AbortSignal | undefined;
  #seq: number;
  #begun = false;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(
    feed: ModelFeed,
    range: ResolvedRange,
    form: F,
    options: CheckedWatchOptions,
    signal: AbortSignal | undefined,
  ) {
    this.#feed = feed;
    this.#range = range;
    this.#form = form;
    this.#options = options;
    this.#signal = signal;
    this.#seq = options.afterSeq ?? feed.model.seq;
  }

  async pull(): Promise<WatchEvent<KeyOf<F>>[]> {
    if (!this.#begun) {
      const first = this.#begin();
      if (first.length > 0) return first;
    }
    for (;;) {
      if (this.#isOver) return [];
      if (this.#feed.isClosed()) throw new KvtsError("CLOSED", "the store is closed; open another");
      this.#checkKept();
      const events = this.#feed.model.feed(this.#range, this.#seq).map(({ seq, items }) => {
        return { seq, items: items.map((item) => this.#item(item)) };
      });
      this.#seq = Math.max(this.#seq, this.#feed.model.seq);
      if (events.length > 0) return events;
      await this.#wait();
    }
  }

  interrupt(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  close(): void {
    this.interrupt();
    this.#signal?.removeEventListener("abort", this.#aborted);
  }

  readonly #aborted = (): void => this.interrupt();

  #begin(): WatchEvent<KeyOf<F>>[] {
    this.#begun = true;
    const { model, incarnation, now } = this.#feed;
    const { initial, progress } = this.#options;
    if (this.#signal?.aborted === true) throw abortError(this.#signal);
    checkIncarnation(this.#options.incarnation, incarnation);
    const seq = this.#seq;
    const floor = this.#feed.floor();
    if (seq < floor && !initial) {
      const details = { afterSeq: seq, oldestSeq: floor };
      throw new KvtsError("FEED_TRIMMED", `the feed begins behind ${floor}; watch with initial`, { details });
    }
    if (seq > model.seq) throw invalidArgument(`seq ${seq} is still to come; the newest is ${model.seq}`);
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (!initial) return progress ? [{ seq, items: [] }] : [];
    const state = model.scan(this.#range, { now: now(), atSeq: seq }).map((item) => this.#item(item));
    const pages = Array.from({ length: Math.max(1, Math.ceil(state.length / PAGE_ITEMS)) }, (_, page) => {
      return { seq, items: state.slice(page * PAGE_ITEMS, (page + 1) * PAGE_ITEMS), initial: true as const };
    });
    return pages.map((page) => (page === pages.at(-1) ? page : { ...page, more: true }));
  }

  /** @throws OVERLOADED for one that is left behind by an erasure */
  #checkKept(): void {
    const oldestSeq = this.#feed.floor();
    if (this.#seq >= oldestSeq) return;
    const details = { lastSeq: this.#seq, oldestSeq };
    throw new KvtsError("OVERLOADED", `what was committed up to ${oldestSeq} is not kept; begin anew`, { details });
  }

  #item(operation: FedOperation): FeedItem<KeyOf<F>> {
    const { timestamp, seq } = operation;
    if (operation.op === "deleteRange" || operation.op === "restored") {
      const { start, end } = operation.range;
      const range = { start: new Uint8Array(start), end: end && new Uint8Array(end) };
      if (operation.op === "restored") return { op: "restored", range, to: operation.to, timestamp, seq };
      return { op: "deleteRange", range, timestamp, seq };
    }
    const key = decodeKey(new Uint8Array(operation.key), this.#form);
    switch (operation.op) {
      case "retract":
        return { op: "retract", key, timestamp, seq };
      case "delete":
        return makeTombstone(key, timestamp, seq);
      case "put":
        return makeEntry({
          key,
          value: new Uint8Array(operation.value),
          timestamp,
          seq,
          expiresAt: operation.expiresAt,
        });
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#feed.waiting.delete(wake);
        resolve();
      };
      this.#wake = wake;
      this.#feed.waiting.add(wake);
    });
  }
}
