import { invariant, KvtsError, type WriteResult } from "@kvts/common";
import { Fairness } from "../env/fairness.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import { storeError } from "../io-error.ts";
import type { Settings } from "../options.ts";
import type { Requests } from "../requests/requests.ts";
import type { Ceilings } from "./ceilings.ts";
import { CommitGroup } from "./commit-group.ts";
import type { WriteGate } from "./write-gate.ts";

/** What the queue does with a full group, in this order. */
export interface CommitTarget {
  /** Makes room in memory and log; undefined where there is room already. */
  prepare(group: CommitGroup): Promise<void> | undefined;
  /** Hands the group's frame to the operating system. Undefined where that is done at once. */
  append(group: CommitGroup): Promise<void> | undefined;
  /** Puts what has been appended on disk. */
  sync(): Promise<void>;
  /** Inserts the group's operations into memory. Undefined where that is done at once. */
  insert(group: CommitGroup): Promise<void> | undefined;
  /** Whether the group inserted last lies in more than one memtable. */
  readonly spansMemtables: boolean;
}

/** What the queue knows besides what comes in. */
export interface CommitState {
  readonly requests: Requests;
  readonly lastSeq: number;
  readonly lastAssigned: number;
  /** Called when a group has become visible. */
  readonly published: () => void;
  /** A sync has failed: what is not published by now never will be. */
  readonly stopped: (failure: KvtsError) => void;
}

/** A write that has just been encoded into the open group. */
export interface EncodedWrite {
  /** Bytes of the group before it. */
  readonly bytesBefore: number;
  readonly operations: number;
  /** What it will answer, microseconds. */
  readonly timestamp: number;
  /** Whether that was assigned. */
  readonly assigned: boolean;
  readonly requestId: string | undefined;
  /** When it was checked, microseconds; there where it has a request id. */
  readonly moment: number | undefined;
}

/**
 * Owns commit order, from the open group to its acknowledgement; `Submissions` encodes writes into that group as they come
 * in. A group that is taken up goes through
 *
 *     ceilings → room → log → (sync ‖ insert into memory) → publish → acknowledge
 *
 * while the next one fills. One group is under way at a time, so seqs are published strictly in order, and everything
 * between two `await`s of this file is one step to the rest of the program.
 *
 * A group that fails before it is in the log has changed nothing, and those fail with it that hold a write which a write
 * of its had let through. One whose sync fails is indeterminate: it may or may not be found after a restart, so the store
 * takes no more writes until it is reopened.
 */
export class CommitQueue {
  readonly #settings: Settings;
  readonly #gate: WriteGate;
  readonly #ceilings: Ceilings;
  readonly #target: CommitTarget;
  readonly #state: CommitState;
  readonly #requests: Requests;
  /** Without a sync to wait for, commits would go on without the event loop getting a turn. */
  readonly #fairness: Fairness = new Fairness();
  #open: CommitGroup = new CommitGroup();
  /** The group that is under way. */
  #committing: CommitGroup | undefined;
  /** Full groups that wait for their turn, oldest first. */
  readonly #full: CommitGroup[] = [];
  readonly #idle: CommitGroup[] = [];
  readonly #errands: (() => Promise<void>)[] = [];
  #pendingBytes = 0;
  #running = false;
  /** Set by a failed sync. */
  #failure: KvtsError | undefined;
  #whenIdle: () => void = () => {};
  #lastSeq: number;
  #publishedSeq: number;
  #lastAssigned: number;
  /** The least timestamp that may be assigned, in microseconds. */
  timestampMin = 0;

  constructor(settings: Settings, gate: WriteGate, ceilings: Ceilings, target: CommitTarget, state: CommitState) {
    this.#state = state;
    this.#requests = state.requests;
    this.#settings = settings;
    this.#gate = gate;
    this.#ceilings = ceilings;
    this.#target = target;
    this.#lastSeq = state.lastSeq;
    this.#publishedSeq = state.lastSeq;
    this.#lastAssigned = state.lastAssigned;
  }

  /** What reads may see. */
  get publishedSeq(): number {
    return this.#publishedSeq;
  }

  get lastAssigned(): number {
    return this.#lastAssigned;
  }

  counters(): { readonly lastSeq: number; readonly lastAssigned: number; readonly publishedSeq: number } {
    return { lastSeq: this.#lastSeq, lastAssigned: this.#lastAssigned, publishedSeq: this.#publishedSeq };
  }

  /** False once a sync has failed: what is on disk is not known for certain. */
  get isSound(): boolean {
    return this.#failure === undefined;
  }

  /** Bytes that wait for the log. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The group that writes are encoded into. It may be another one after the next `await`. */
  get open(): CommitGroup {
    return this.#open;
  }

  /** Groups whose writes are not visible yet, oldest first. */
  unpublished(): CommitGroup[] {
    const before = this.#committing === undefined ? this.#full : [this.#committing, ...this.#full];
    return [...before, this.#open];
  }

  /** The timestamp that a write gets which is taken now: max(clock, lastAssigned + 1, every horizon), unique and increasing. */
  nextTimestamp(): number {
    const next = Math.max(this.#settings.components.clock.now(), this.#lastAssigned + 1, this.timestampMin);
    if (next > NUMBER_MAX) {
      throw new KvtsError("UNAVAILABLE", "assigned timestamps have come to their end; give timestamps of your own");
    }
    return next;
  }

  /** Counts in a write, which gets the next seqs, and sees to it that its group is taken up. */
  take(write: EncodedWrite): Promise<WriteResult> {
    const group = this.#open;
    const { timestamp, requestId } = write;
    if (write.assigned) {
      this.#lastAssigned = timestamp;
      group.lastAssigned = timestamp;
    }
    if (group.firstSeq === 0) group.firstSeq = this.#lastSeq + 1;
    this.#lastSeq += write.operations;
    group.lastSeq = this.#lastSeq;
    const bytes = group.encoder.bytes - write.bytesBefore;
    group.pendingBytes += bytes;
    this.#pendingBytes += bytes;
    const written = group.wait(timestamp, this.#lastSeq);
    if (requestId !== undefined) this.#requests.add(requestId, group, { timestamp, seq: this.#lastSeq }, write.moment!);
    if (group.encoder.bytes >= this.#settings.tuning.groupBytesMax) this.#closeGroup();
    this.#start();
    return written;
  }

  /** Runs `errand` between two groups, when all that is acknowledged by now is in memory. */
  between(errand: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#errands.push(() => errand().then(resolve, (error: unknown) => reject(storeError(error))));
      this.#start();
    });
  }

  /** The same, when all that has been taken by now has been carried out or has come to nothing. No batch is open. */
  behindTaken(errand: () => Promise<void>): Promise<void> {
    const last = this.#open.isEmpty ? (this.#full.at(-1) ?? this.#committing) : this.#open;
    if (last === undefined) return this.between(errand);
    return new Promise((resolve, reject) => {
      last.whenDone.push(() => void this.between(errand).then(resolve, reject));
    });
  }

  /** Waits until everything submitted has been carried out. The gate has to be shut before. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      if (!this.#running) resolve();
    });
  }

  #closeGroup(): void {
    this.#full.push(this.#open);
    this.#open = this.#idle.pop() ?? new CommitGroup();
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    // On the next microtask: writes made in one go share a group.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      // Errands first: under load there is always another group.
      for (let errand = this.#errands.shift(); errand !== undefined; errand = this.#errands.shift()) await errand();
      if (this.#full.length === 0 && !this.#open.isEmpty) this.#closeGroup();
      const group = this.#full.shift();
      if (group === undefined) break;
      this.#committing = group;
      try {
        await this.#commit(group);
        this.#settlePublished(group);
      } catch (error) {
        const failure = storeError(error);
        if (failure.code === "READ_ONLY") this.#stop(failure);
        this.#committing = undefined;
        this.#fail(group, failure);
      }
      if (this.#fairness.isDue(group.encoder.operationCount)) await this.#settings.components.scheduler.nextTurn();
      this.#recycle(group);
      this.#gate.changed();
    }
    this.#running = false;
    this.#whenIdle();
  }

  /** From here on the group counts as published, and nobody joins it any more. */
  #settlePublished(group: CommitGroup): void {
    this.#committing = undefined;
    this.#requests.published(group);
    for (const later of this.#full) later.premises.delete(group);
    this.#open.premises.delete(group);
    group.acknowledge();
  }

  /** What was let through by a group that has come to nothing goes down with it: it rests on what never happened. */
  #fail(group: CommitGroup, failure: KvtsError): void {
    this.#requests.failed(group);
    group.fail(failure);
    for (const later of this.unpublished()) {
      if (!later.premises.delete(group)) continue;
      if (later === this.#open) this.#open = this.#idle.pop() ?? new CommitGroup();
      else this.#full.splice(this.#full.indexOf(later), 1);
      this.#fail(later, failure);
      this.#recycle(later);
    }
  }

  #recycle(group: CommitGroup): void {
    this.#pendingBytes -= group.pendingBytes;
    for (const done of group.whenDone.splice(0)) done();
    group.reset();
    if (this.#idle.length < 2) this.#idle.push(group);
  }

  async #commit(group: CommitGroup): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const target = this.#target;
    const covered = this.#ceilings.cover(group.lastSeq, group.lastAssigned);
    if (covered !== undefined) await covered;
    const prepared = target.prepare(group);
    if (prepared !== undefined) await prepared;
    const appended = target.append(group);
    if (appended !== undefined) await appended;
    const synced = this.#settings.durability === "sync" ? target.sync() : undefined;
    const inserted = attempt(() => target.insert(group));
    if (synced !== undefined || inserted !== undefined) await this.#settle([synced, inserted]);
    // Once published, its first memtable may be flushed: then that part would be on disk, and the log's rest perhaps not.
    if (synced === undefined && target.spansMemtables) await this.#settle([target.sync()]);
    invariant(group.lastSeq > this.#publishedSeq, "Q1: seqs are published in order");
    this.#publishedSeq = group.lastSeq;
    this.#state.published();
  }

  /** From the log on a failure leaves the group indeterminate, so it ends the writing. */
  async #settle(steps: readonly (Promise<void> | undefined)[]): Promise<void> {
    const results = await Promise.allSettled(steps);
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    const error = new KvtsError(
      "READ_ONLY",
      "a write could not be put on disk for certain, so the store takes no more of them; close and reopen it",
      { details: { indeterminate: true }, cause: failed.reason },
    );
    throw error;
  }

  /** Takes no more writes. */
  #stop(failure: KvtsError): void {
    this.#failure ??= failure;
    this.#gate.refuse(failure);
    this.#state.stopped(failure);
  }
}

/** A step's failure as a rejection, so that it is seen together with the other steps'. */
function attempt(step: () => Promise<void> | undefined): Promise<void> | undefined {
  try {
    return step();
  } catch (error) {
    return Promise.reject(error);
  }
}
