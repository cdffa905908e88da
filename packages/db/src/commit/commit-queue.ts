import {
  checkExpiry,
  type EncodedPrecondition,
  encodeOperations,
  invalidArgument,
  invariant,
  KvtsError,
  type Operation,
  type WriteResult,
} from "@kvts/common";
import { Fairness } from "../env/fairness.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import { storeError } from "../io-error.ts";
import type { Settings } from "../options.ts";
import { NewestLookup } from "../read/newest-lookup.ts";
import type { View } from "../read/view.ts";
import type { Requests } from "../requests/requests.ts";
import { ADMITTED, Admission, type Arrival, lowestTimestamps, sameTimestamp } from "./admission.ts";
import type { Ceilings } from "./ceilings.ts";
import { CommitGroup } from "./commit-group.ts";
import { encodeBatch } from "./encode-batch.ts";
import { ownedOperation, ownedPrecondition, ownedWrite, type SingleWrite } from "./owned-writes.ts";
import type { WriteGate } from "./write-gate.ts";

const KEY = new KeyBuffer();

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
  /** The newest view: conditions are judged against it. */
  readonly view: () => View;
  readonly lastSeq: number;
  readonly lastAssigned: number;
  /** Called when a group has become visible. */
  readonly published: () => void;
  /** Called when those who wait for it have been told. Until a promise resolves, the group stays as it is. */
  readonly acknowledged: (group: CommitGroup) => Promise<void> | undefined;
  /** A sync has failed: what is not published by now never will be. */
  readonly stopped: (failure: KvtsError) => void;
}

/**
 * Owns commit order. Writes are validated and encoded into the open group as they come in, which fixes their seqs; a
 * group that is taken up goes through
 *
 *     ceilings → room → log → (sync ‖ insert into memory) → publish → acknowledge
 *
 * while the next one fills. One group is under way at a time, so seqs are published strictly in order, and everything
 * between two `await`s of this file is one step to the rest of the program.
 *
 * Conditions are judged in the same step in which their write is encoded, against what is published and what is not: what
 * that takes from disk is read before, outside. A refusal is told once the write that it rests on is on disk.
 *
 * A group that fails before it is in the log has changed nothing, and those fail with it that hold a write which a write
 * of its had let through. One whose sync fails is indeterminate: it may or may
 * not be found after a restart, so the store takes no more writes until it is reopened.
 */
export class CommitQueue {
  readonly #settings: Settings;
  readonly #gate: WriteGate;
  readonly #ceilings: Ceilings;
  readonly #target: CommitTarget;
  readonly #state: CommitState;
  readonly #requests: Requests;
  readonly #admission: Admission;
  /** Without a sync to wait for, commits would go on without the event loop getting a turn. */
  readonly #fairness: Fairness = new Fairness();
  /** Neither would those who ask again and again for what is answered without a commit. */
  readonly #answerFairness: Fairness = new Fairness();
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

  constructor(settings: Settings, gate: WriteGate, ceilings: Ceilings, target: CommitTarget, state: CommitState) {
    this.#state = state;
    this.#requests = state.requests;
    this.#admission = new Admission(state.requests);
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

  /** Takes one write. Keys and values may be changed by the caller once it returns. */
  submit(write: SingleWrite): Promise<WriteResult> {
    try {
      this.#checkReentry();
      const { isOpen } = this.#gate;
      if (write.preconditions.length > 0) {
        const kept = ownedWrite(write);
        return this.#submitJudged((lookup) => this.#add(kept, lookup));
      }
      if (isOpen) return this.#add(write, undefined)!;
      const kept = ownedWrite(write);
      return this.#gate.pass(() => this.#add(kept, undefined)!);
    } catch (error) {
      return this.#inTurn(Promise.reject(error));
    }
  }

  /** Takes a batch of a number that has been checked. Its keys and values may be changed by the caller once it returns. */
  submitBatch(
    operations: readonly Operation[],
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[],
  ): Promise<WriteResult> {
    try {
      this.#checkReentry();
      const { isOpen } = this.#gate;
      if (preconditions.length > 0) {
        const kept = encodeOperations(operations, () => this.#now()).map(ownedOperation);
        const ownPreconditions = preconditions.map(ownedPrecondition);
        return this.#submitJudged((lookup) => this.#addBatch(kept, requestId, ownPreconditions, lookup));
      }
      if (isOpen) return this.#addBatch(operations, requestId, preconditions, undefined)!;
      const kept = encodeOperations(operations, () => this.#now()).map(ownedOperation);
      return this.#gate.pass(() => this.#addBatch(kept, requestId, preconditions, undefined)!);
    } catch (error) {
      return this.#inTurn(Promise.reject(error));
    }
  }

  /** Runs `errand` between two groups, when all that is acknowledged by now is in memory. */
  between(errand: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#errands.push(() => errand().then(resolve, (error: unknown) => reject(storeError(error))));
      this.#start();
    });
  }

  /** Waits until everything submitted has been carried out. The gate has to be shut before. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      if (!this.#running) resolve();
    });
  }

  /** A write with conditions, as often as blocks are missing to judge them by. `add` answers undefined then. */
  async #submitJudged(add: (lookup: NewestLookup) => Promise<WriteResult> | undefined): Promise<WriteResult> {
    const lookup = new NewestLookup(this.#state.view);
    try {
      for (;;) {
        // A promise in the answer, so that a turn at the gate ends when the write is taken up.
        const attempt = async () => ({ written: add(lookup) });
        const { written } = this.#gate.isOpen ? await attempt() : await this.#gate.pass(attempt);
        if (written !== undefined) return await written;
        await lookup.load();
      }
    } finally {
      lookup.release();
    }
  }

  /** @param lookup for its conditions; undefined is answered only with one, where it lacks blocks */
  #add(write: SingleWrite, lookup: NewestLookup | undefined): Promise<WriteResult> | undefined {
    const { key, value, retracts, timestamp, expiresAt, requestId, preconditions } = write;
    KEY.set(key);
    const group = this.#open;
    const at = timestamp ?? this.#nextTimestamp();
    if (expiresAt !== undefined) checkExpiry(at, expiresAt);
    const isChecked = requestId !== undefined || lookup !== undefined;
    const moment = isChecked ? this.#begin(lookup) : undefined;
    const before = group.encoder.bytes;
    group.encoder.beginBatch(requestId, moment);
    try {
      if (value !== undefined) group.encoder.appendPut(KEY, value, at, expiresAt);
      else if (retracts === true) group.encoder.appendRetract(KEY, at);
      else group.encoder.appendDelete(KEY, at);
      if (moment !== undefined) {
        const assigned = timestamp === undefined ? at : undefined;
        const lowestWritten = sameTimestamp(at);
        const arrival = { group, requestId, timestamp: at, assigned, preconditions, lowestWritten, moment };
        const answer = this.#answer(arrival, lookup);
        if (answer !== ADMITTED) return answer;
      }
    } catch (error) {
      group.encoder.discardBatch();
      throw error;
    }
    group.encoder.endBatch();
    return this.#added(group, before, 1, at, timestamp === undefined, requestId, moment);
  }

  #addBatch(
    operations: readonly Operation[],
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[],
    lookup: NewestLookup | undefined,
  ): Promise<WriteResult> | undefined {
    const group = this.#open;
    const isChecked = requestId !== undefined || lookup !== undefined;
    const moment = isChecked ? this.#begin(lookup) : undefined;
    const before = group.encoder.bytes;
    const operationsBefore = group.encoder.operationCount;
    const next = this.#nextTimestamp();
    const { timestamp, assigns } = encodeBatch(group.encoder, operations, requestId, moment, next, () => this.#now());
    if (moment !== undefined) {
      try {
        const assigned = assigns ? timestamp : undefined;
        const lowestWritten = lowestTimestamps(operations, next);
        const arrival = { group, requestId, timestamp, assigned, preconditions, lowestWritten, moment };
        const answer = this.#answer(arrival, lookup);
        if (answer !== ADMITTED) return answer;
      } catch (error) {
        group.encoder.discardBatch();
        throw error;
      }
    }
    group.encoder.endBatch();
    const added = group.encoder.operationCount - operationsBefore;
    return this.#added(group, before, added, timestamp, assigns, requestId, moment);
  }

  /** Before a batch that is to be checked is opened. Returns the moment by which it is judged, microseconds. */
  #begin(lookup: NewestLookup | undefined): number {
    if (lookup !== undefined) this.#admission.index(this.#unpublished());
    return this.#now();
  }

  /** Whether the open batch is admitted; else it is taken back, and this is what its caller gets. */
  #answer(arrival: Arrival, lookup: NewestLookup | undefined): typeof ADMITTED | Promise<WriteResult> | undefined {
    const publishedSeq = this.#publishedSeq;
    const state = lookup && { lookup, publishedSeq, unpublished: this.#unpublished() };
    const answer = this.#admission.answer(arrival, state);
    if (answer === ADMITTED) return answer;
    arrival.group.encoder.discardBatch();
    return answer === undefined ? undefined : this.#inTurn(answer);
  }

  /** An answer that may be there at once: every few hundred of them come with the next turn of the event loop. */
  #inTurn(answer: Promise<WriteResult>): Promise<WriteResult> {
    if (!this.#answerFairness.isDue(1)) return answer;
    return this.#nextTurn(answer);
  }

  async #nextTurn(answer: Promise<WriteResult>): Promise<WriteResult> {
    try {
      return await answer;
    } finally {
      await this.#settings.components.scheduler.nextTurn();
    }
  }

  /** Groups whose writes are not visible yet, oldest first. */
  #unpublished(): CommitGroup[] {
    const before = this.#committing === undefined ? this.#full : [this.#committing, ...this.#full];
    return [...before, this.#open];
  }

  /** What callers hand in is read while its batch is open: a getter in it may do anything but write. */
  #checkReentry(): void {
    if (!this.#open.encoder.isBatchOpen) return;
    throw invalidArgument(
      "a getter or proxy in a batch must not write while the batch is read; write before, or after",
    );
  }

  /** Counts in what was just encoded, and sees to it that the group is taken up. */
  #added(
    group: CommitGroup,
    bytesBefore: number,
    operations: number,
    timestamp: number,
    assigned: boolean,
    requestId: string | undefined,
    moment: number | undefined,
  ): Promise<WriteResult> {
    if (assigned) {
      this.#lastAssigned = timestamp;
      group.lastAssigned = timestamp;
    }
    if (group.firstSeq === 0) group.firstSeq = this.#lastSeq + 1;
    this.#lastSeq += operations;
    group.lastSeq = this.#lastSeq;
    const bytes = group.encoder.bytes - bytesBefore;
    group.pendingBytes += bytes;
    this.#pendingBytes += bytes;
    const written = group.wait(timestamp, this.#lastSeq);
    if (requestId !== undefined) this.#requests.add(requestId, group, { timestamp, seq: this.#lastSeq }, moment!);
    if (group.encoder.bytes >= this.#settings.tuning.groupBytesMax) this.#closeGroup();
    this.#start();
    return written;
  }

  /** max(clock, lastAssigned + 1): unique and increasing. */
  #nextTimestamp(): number {
    const next = Math.max(this.#now(), this.#lastAssigned + 1);
    if (next > NUMBER_MAX) {
      throw new KvtsError("UNAVAILABLE", "assigned timestamps have come to their end; give timestamps of your own");
    }
    return next;
  }

  #now(): number {
    return this.#settings.components.clock.now();
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
        const taken = this.#state.acknowledged(group);
        if (taken !== undefined) await taken;
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
    for (const later of this.#unpublished()) {
      if (!later.premises.delete(group)) continue;
      if (later === this.#open) this.#open = this.#idle.pop() ?? new CommitGroup();
      else this.#full.splice(this.#full.indexOf(later), 1);
      this.#fail(later, failure);
      this.#recycle(later);
    }
  }

  #recycle(group: CommitGroup): void {
    this.#pendingBytes -= group.pendingBytes;
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
