import { deepEqual, ok } from "node:assert/strict";
import { type FeedItem, isKvtsError, type KvtsError, type WatchEvent } from "@kvts/common";
import type { Scheduler } from "../../env/scheduler.ts";
import { isEmptyRange } from "../../marks/range-mark.ts";
import type { ModelOperation } from "../model.ts";
import type { TestBatch, TestStore } from "../test-store.ts";
import { expectTyped, isSystemError } from "../typed-errors.ts";

/** What an observer has to know of the process that it observes. */
export interface ObservedProcess {
  readonly store: TestStore;
  /** Calls to the disk that have failed. */
  readonly faults: number;
  readonly scheduler: Pick<Scheduler, "delay">;
}

/** Milliseconds after a failure until it watches again. */
const PAUSE_MS = 50;

/**
 * Watches a store through all its processes, resuming each time from the last seq that it was shown. Every batch has to
 * come once, whole and in order, unless the feed says that it does not go back so far; and what was shown is there after
 * every crash.
 */
export class FeedObserver {
  /** Batches that were shown. */
  shown = 0;
  #position = 0;
  #parts: FeedItem<Uint8Array>[] = [];
  readonly #written: Map<number, TestBatch> = new Map();
  #failure: { readonly error: unknown } | undefined;
  /** Seq of the last batch that was shown whole, and from where on the feed had to begin anew. */
  #lastWhole = 0;
  #goesBackTo = 0;

  /**
   * How many of the batches that were written by a crash are there for certain, since they were shown.
   * @param written in the order of their seqs; what changed nothing that reads see may have survived unnoticed
   */
  shownOf(written: readonly TestBatch[]): number {
    for (const batch of written) this.#written.set(batch.lastSeq, batch);
    return written.findLastIndex(({ lastSeq }) => lastSeq <= this.#lastWhole) + 1;
  }

  /**
   * Watches until the store is closed, or its process is gone.
   * @param keepsAll whether the feed goes back to what was shown last, whatever happened
   */
  begin(process: ObservedProcess, keepsAll: boolean): void {
    void this.#watch(process, keepsAll).catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** A repair has begun another feed: positions of the one before mean nothing in it. */
  beginAnew(): void {
    this.#position = 0;
    this.#parts = [];
  }

  /** Whether it has seen everything up to `seq`. */
  hasSeen(seq: number): boolean {
    this.check();
    return this.#position >= seq;
  }

  /** @throws what went wrong */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #watch(process: ObservedProcess, keepsAll: boolean): Promise<void> {
    for (;;) {
      try {
        for await (const event of process.store.db.watch({}, { afterSeq: this.#position })) {
          this.#take(process.store, event);
        }
        return;
      } catch (error) {
        if (isKvtsError(error, "CLOSED")) return;
        this.#recover(error, process, keepsAll);
        await process.scheduler.delay(PAUSE_MS);
      }
    }
  }

  #recover(error: unknown, process: ObservedProcess, keepsAll: boolean): void {
    if (isSystemError(error) && process.faults > 0) return;
    if (!isKvtsError(error, "FEED_TRIMMED") && !isKvtsError(error, "OVERLOADED")) throw error;
    expectTyped(error);
    const { oldestSeq } = (error as KvtsError).details;
    if (keepsAll) throw new Error(`a feed that keeps everything says: ${(error as Error).message}`);
    ok(Number(oldestSeq) > this.#position, "it goes back no further than it can");
    this.#position = Number(oldestSeq);
    this.#goesBackTo = this.#position;
    this.#parts = [];
  }

  #take(store: TestStore, { seq, items, more }: WatchEvent<Uint8Array>): void {
    store.foretell();
    ok(seq > this.#position, `${seq} comes after ${this.#position}`);
    this.#parts.push(...items);
    this.#position = seq;
    if (more === true) return;
    const batch = store.batches.find(({ lastSeq }) => lastSeq === seq) ?? this.#written.get(seq);
    ok(batch !== undefined, `seq ${seq} is shown, and nothing was written with it`);
    ok(batch.state !== "refused", `seq ${seq} is shown, and was refused`);
    this.#expectNext(store, seq);
    deepEqual(this.#parts.map(operationOf), toldOf(batch), `what is shown as seq ${seq}`);
    this.#parts = [];
    this.shown++;
  }

  /** Nothing that was acknowledged lies between this batch and the one before. */
  #expectNext(store: TestStore, seq: number): void {
    const before = store.batches.findLast((batch) => batch.lastSeq < seq && isToBeShown(batch));
    const previous = Math.max(this.#goesBackTo, this.#lastWhole);
    ok(before === undefined || before.lastSeq <= previous, `seq ${before?.lastSeq} is left out before ${seq}`);
    this.#lastWhole = seq;
  }
}

/** Whether whoever watches everything is certain to be shown the batch. */
export function isToBeShown(batch: TestBatch): boolean {
  return batch.state === "acknowledged" && toldOf(batch).length > 0;
}

/** What is shown of a batch: of a restore that is in no log, its range. */
function toldOf({ operations, restored }: TestBatch): unknown[] {
  if (restored === undefined) return operations.filter(isShown).map(plain);
  const { start, end } = restored.range;
  const range = { start: new Uint8Array(start), end: end && new Uint8Array(end) };
  return [{ op: "restored", range, to: restored.to, timestamp: operations[0]!.timestamp }];
}

/** A range without keys concerns nobody. */
function isShown(operation: ModelOperation): boolean {
  return operation.op !== "deleteRange" || !isEmptyRange(operation.range.start, operation.range.end);
}

function operationOf(item: FeedItem<Uint8Array>): unknown {
  const { timestamp } = item;
  if (item.op === "deleteRange") return { op: item.op, range: item.range, timestamp };
  if (item.op === "restored") return { op: item.op, range: item.range, to: item.to, timestamp };
  const { key } = item;
  if (item.op === "retract") return { op: "retract", key, timestamp };
  if (item.deleted === true) return { op: "delete", key, timestamp };
  const { value, expiresAt } = item;
  return { op: "put", key, value, timestamp, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** Without fields that say nothing, and with bytes of one kind. */
function plain(operation: ModelOperation): unknown {
  const { timestamp } = operation;
  if (operation.op === "deleteRange") {
    const { start, end } = operation.range;
    return { op: operation.op, range: { start: new Uint8Array(start), end: end && new Uint8Array(end) }, timestamp };
  }
  const { op, key } = operation;
  if (op !== "put") return { op, key: new Uint8Array(key), timestamp };
  const { value, expiresAt } = operation;
  const expiry = expiresAt === undefined ? {} : { expiresAt };
  return { op, key: new Uint8Array(key), value: new Uint8Array(value), timestamp, ...expiry };
}
