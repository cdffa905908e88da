import type { WriteResult } from "@kvts/common";
import { GroupEncoder } from "./wal/group-encoder.ts";

/** A caller waiting for its write, and what it will be told. */
interface Waiter extends WriteResult {
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

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** The promise of one write whose operations have just been encoded, `lastSeq` being its last one's. */
  wait(timestamp: number, seq: number): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ timestamp, seq, resolve, reject });
    });
  }

  acknowledge(): void {
    for (const { timestamp, seq, resolve } of this.#waiters) resolve({ timestamp, seq });
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
  }
}
