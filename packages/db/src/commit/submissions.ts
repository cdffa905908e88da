import {
  type EncodedPrecondition,
  encodeOperations,
  expiryRefusal,
  invalidArgument,
  type Operation,
  type WriteResult,
} from "@kvts/common";
import { Fairness } from "../env/fairness.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import type { Settings } from "../options.ts";
import { NewestLookup } from "../read/newest-lookup.ts";
import type { View } from "../read/view.ts";
import type { Requests } from "../requests/requests.ts";
import type { RestoreOperation } from "../restore/operation.ts";
import type { Horizons } from "../retention/horizons.ts";
import { ADMITTED, Admission, type Arrival, lowestTimestamps, sameTimestamp } from "./admission.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { encodeBatch, refusalBelow } from "./encode-batch.ts";
import { ownedOperation, ownedPrecondition, ownedWrite, type SingleWrite } from "./owned-writes.ts";
import type { WriteGate } from "./write-gate.ts";

const KEY = new KeyBuffer();

/**
 * Takes writes from callers: past the gate, validated and encoded into the queue's open group, which fixes their seqs.
 *
 * Conditions are judged in the same step in which their write is encoded, against what is published and what is not: what
 * that takes from disk is read before, outside. A refusal is told once the write that it rests on is on disk.
 */
export class Submissions {
  readonly #settings: Settings;
  readonly #gate: WriteGate;
  readonly #queue: CommitQueue;
  readonly #admission: Admission;
  readonly #view: () => View;
  /** Those who ask again and again for what is answered without a commit would give the event loop no turn. */
  readonly #fairness: Fairness = new Fairness();
  #horizons: Horizons | undefined;

  /** @param view the newest one: conditions are judged against it */
  constructor(settings: Settings, gate: WriteGate, queue: CommitQueue, requests: Requests, view: () => View) {
    this.#settings = settings;
    this.#gate = gate;
    this.#queue = queue;
    this.#admission = new Admission(requests);
    this.#view = view;
  }

  /** Writes below are refused from now on; those that have been taken are carried out all the same. */
  refuseBelow(horizons: Horizons | undefined): void {
    this.#horizons = horizons;
    this.#queue.timestampMin = horizons?.greatest ?? 0;
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

  /**
   * Takes a batch whatever the gate says, all of it at one timestamp above `newest`: for an errand that has made other
   * writes wait. Everything in it has been checked.
   */
  submitRestored(operations: readonly RestoreOperation[], newest: number): Promise<WriteResult> {
    const assigned = this.#queue.nextTimestamp();
    const timestamp = Math.max(assigned, newest + 1);
    const { encoder } = this.#queue.open;
    const bytesBefore = encoder.bytes;
    encoder.beginBatch();
    try {
      for (const { key, value, expiresAt } of operations) {
        KEY.setBytes(key);
        if (value === undefined) encoder.appendDelete(KEY, timestamp);
        else encoder.appendPut(KEY, value, timestamp, expiresAt);
      }
    } catch (error) {
      encoder.discardBatch();
      throw error;
    }
    encoder.endBatch();
    const taken = { bytesBefore, operations: operations.length, timestamp, assigned: timestamp === assigned };
    return this.#queue.take({ ...taken, requestId: undefined, moment: undefined });
  }

  /** A write with conditions, as often as blocks are missing to judge them by. `add` answers undefined then. */
  async #submitJudged(add: (lookup: NewestLookup) => Promise<WriteResult> | undefined): Promise<WriteResult> {
    const lookup = new NewestLookup(this.#view);
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
    const group = this.#queue.open;
    const at = timestamp ?? this.#queue.nextTimestamp();
    const isChecked = requestId !== undefined || lookup !== undefined;
    const moment = isChecked ? this.#begin(lookup) : undefined;
    const bytesBefore = group.encoder.bytes;
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
      // Not before it is known to be no repetition of one that was carried out.
      const expired = expiresAt === undefined ? undefined : expiryRefusal(at, expiresAt);
      const refusal = expired ?? (this.#horizons && refusalBelow(this.#horizons, KEY, at));
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      group.encoder.discardBatch();
      throw error;
    }
    group.encoder.endBatch();
    const assigned = timestamp === undefined;
    return this.#queue.take({ bytesBefore, operations: 1, timestamp: at, assigned, requestId, moment });
  }

  #addBatch(
    operations: readonly Operation[],
    requestId: string | undefined,
    preconditions: readonly EncodedPrecondition[],
    lookup: NewestLookup | undefined,
  ): Promise<WriteResult> | undefined {
    const group = this.#queue.open;
    const isChecked = requestId !== undefined || lookup !== undefined;
    const moment = isChecked ? this.#begin(lookup) : undefined;
    const bytesBefore = group.encoder.bytes;
    const operationsBefore = group.encoder.operationCount;
    const next = this.#queue.nextTimestamp();
    const { encoder } = group;
    const now = () => this.#now();
    const encoded = encodeBatch(encoder, operations, requestId, moment, next, now, this.#horizons);
    const { timestamp, assigns, refusal } = encoded;
    try {
      if (moment !== undefined) {
        const assigned = assigns ? timestamp : undefined;
        const lowestWritten = lowestTimestamps(operations, next);
        const arrival = { group, requestId, timestamp, assigned, preconditions, lowestWritten, moment };
        const answer = this.#answer(arrival, lookup);
        if (answer !== ADMITTED) return answer;
      }
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      encoder.discardBatch();
      throw error;
    }
    encoder.endBatch();
    const added = group.encoder.operationCount - operationsBefore;
    return this.#queue.take({ bytesBefore, operations: added, timestamp, assigned: assigns, requestId, moment });
  }

  /** Before a batch that is to be checked is opened. Returns the moment by which it is judged, microseconds. */
  #begin(lookup: NewestLookup | undefined): number {
    if (lookup !== undefined) this.#admission.index(this.#queue.unpublished());
    return this.#now();
  }

  /** Whether the open batch is admitted; else it is taken back, and this is what its caller gets. */
  #answer(arrival: Arrival, lookup: NewestLookup | undefined): typeof ADMITTED | Promise<WriteResult> | undefined {
    const publishedSeq = this.#queue.publishedSeq;
    const state = lookup && { lookup, publishedSeq, unpublished: this.#queue.unpublished() };
    const answer = this.#admission.answer(arrival, state);
    if (answer === ADMITTED) return answer;
    arrival.group.encoder.discardBatch();
    return answer === undefined ? undefined : this.#inTurn(answer);
  }

  /** An answer that may be there at once: every few hundred of them come with the next turn of the event loop. */
  #inTurn(answer: Promise<WriteResult>): Promise<WriteResult> {
    if (!this.#fairness.isDue(1)) return answer;
    return this.#nextTurn(answer);
  }

  async #nextTurn(answer: Promise<WriteResult>): Promise<WriteResult> {
    try {
      return await answer;
    } finally {
      await this.#settings.components.scheduler.nextTurn();
    }
  }

  /** What callers hand in is read while its batch is open: a getter in it may do anything but write. */
  #checkReentry(): void {
    if (!this.#queue.open.encoder.isBatchOpen) return;
    throw invalidArgument(
      "a getter or proxy in a batch must not write while the batch is read; write before, or after",
    );
  }

  #now(): number {
    return this.#settings.components.clock.now();
  }
}
