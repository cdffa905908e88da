import type { KvtsError, WriteResult } from "@kvts/common";
import type { UnpublishedRequest } from "../requests/requests.ts";
import { GroupEncoder } from "../wal/group-encoder.ts";
import { GroupIndex } from "./group-index.ts";

/** A caller waiting for its write, and what it will be told. */
interface Waiter extends WriteResult {
  /** What it is told instead, where it is refused because of a write in the group. */
  readonly refusal: KvtsError | undefined;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that share one log frame and one sync: encoded as they come in, acknowledged together. */
export class CommitGroup {
  readonly encoder: GroupEncoder = new GroupEncoder();
  readonly #waiters: Waiter[] = [];
  /** Seq of the first operation; 0 while there is none. */
  firstSeq = 0;
  lastSeq = 0;
  /** The greatest timestamp assigned in it; 0 where none was. */
  lastAssigned = 0;
  /** Bytes of the operations in it. */
  pendingBytes = 0;
  /** Its writes with a request id. */
  readonly requests: UnpublishedRequest[] = [];
  /** Its operations by key, for conditions. */
  readonly index: GroupIndex = new GroupIndex();
  /** Groups before it whose writes let a conditional write of this one through: it fails with them. */
  readonly premises: Set<CommitGroup> = new Set();
  /** To be called once the group has been carried out, or has come to nothing. */
  readonly whenDone: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.firstSeq === 0;
  }

  /** The promise of one write whose operations have just been encoded, `lastSeq` being its last one's. */
  wait(timestamp: number, seq: number): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ timestamp, seq, refusal: undefined, resolve, reject });
    });
  }

  /** The promise of a write that a write of this group has made impossible: told once that one is on disk. */
  refuse(refusal: KvtsError): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ timestamp: 0, seq: 0, refusal, resolve, reject });
    });
  }

  acknowledge(): void {
    for (const { timestamp, seq, refusal, resolve, reject } of this.#waiters) {
      if (refusal === undefined) resolve({ timestamp, seq });
      else reject(refusal);
    }
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiters) reject(error);
  }

  /** Empties the group for its next use; the encoder's memory stays. */
  reset(): void {
    this.#waiters.length = 0;
    this.encoder.reset();
    this.firstSeq = 0;
    this.lastSeq = 0;
    this.lastAssigned = 0;
    this.pendingBytes = 0;
    this.requests.length = 0;
    this.index.clear();
    this.premises.clear();
  }
}
