import type { ResolvedRange } from "@kvts/common";
import { holds } from "../feed/topic-index.ts";
import type { Ingest } from "./ingest.ts";
import { keyName, operationBytes, type RestoreOperation } from "./operation.ts";

export interface RestoreCounts {
  /** Keys that get a value back, and keys that lose theirs. */
  readonly restored: number;
  readonly deleted: number;
  /** Of those keys and values. */
  readonly bytes: number;
}

/** What one operation adds to the counts. */
export interface Share {
  readonly restores: boolean;
  readonly bytes: number;
}

/** Up to which a restore is one batch, as a write is. */
export interface PlanLimits {
  readonly operationsMax: number;
  readonly bytesMax: number;
}

/**
 * What a restore is going to write: operations in memory while they are few, and from then on an ingest. What is found out
 * about a key later replaces what was said of it before.
 */
export class RestorePlan {
  readonly #limits: PlanLimits;
  #operations: Map<string, RestoreOperation> = new Map();
  #ingest: Ingest | undefined;
  /** Keys that have been looked at again: what is done to each by now. */
  readonly #replaced: Map<string, Share | undefined> = new Map();
  #restored = 0;
  #deleted = 0;
  #bytes = 0;

  constructor(limits: PlanLimits) {
    this.#limits = limits;
  }

  get counts(): RestoreCounts {
    return { restored: this.#restored, deleted: this.#deleted, bytes: this.#bytes };
  }

  get isEmpty(): boolean {
    return this.#restored + this.#deleted === 0;
  }

  /** Whether it is more than one batch, and not an ingest yet. */
  get isTooLarge(): boolean {
    if (this.#ingest !== undefined) return false;
    return this.#operations.size > this.#limits.operationsMax || this.#bytes > this.#limits.bytesMax;
  }

  get ingest(): Ingest | undefined {
    return this.#ingest;
  }

  /** Of a plan without an ingest. */
  get operations(): readonly RestoreOperation[] {
    return [...this.#operations.values()];
  }

  /** Adds a key's operation; keys ascend. */
  add(operation: RestoreOperation): void {
    if (this.#ingest === undefined) this.#operations.set(keyName(operation.key), operation);
    else this.#ingest.add(operation);
    this.#count(shareOf(operation), 1);
  }

  /** Goes over to an ingest, with all that there is. */
  async spill(ingest: Ingest, pause: () => Promise<void>): Promise<void> {
    this.#ingest = ingest;
    let bytes = 0;
    // A batch's replacements may have come in any order.
    for (const [name, operation] of [...this.#operations].sort(([a], [b]) => (a < b ? -1 : 1))) {
      ingest.add(operation);
      this.#operations.delete(name);
      bytes += operationBytes(operation);
      if (bytes < STRETCH_BYTES) continue;
      await pause();
      bytes = 0;
    }
  }

  /**
   * What is done to a key by now, where it has been looked at again.
   * @param first finds what was done to it at first
   */
  async shareOf(key: Uint8Array, first: () => Promise<RestoreOperation | undefined>): Promise<Share | undefined> {
    const name = keyName(key);
    if (this.#replaced.has(name)) return this.#replaced.get(name);
    const operation = this.#ingest === undefined ? this.#operations.get(name) : await first();
    return operation && shareOf(operation);
  }

  /** The keys of a range that have been looked at again. */
  *replacedIn(range: ResolvedRange): Generator<Uint8Array> {
    for (const name of this.#replaced.keys()) {
      const key = new Uint8Array(Buffer.from(name, "latin1"));
      if (holds(range, key)) yield key;
    }
  }

  /** Replaces what is done to a key, `before` so far. Nothing at all can be done instead only where it was nothing. */
  replace(key: Uint8Array, before: Share | undefined, operation: RestoreOperation | undefined): void {
    const name = keyName(key);
    if (this.#ingest === undefined) {
      if (operation === undefined) this.#operations.delete(name);
      else this.#operations.set(name, operation);
    } else if (operation !== undefined) {
      this.#ingest.add(operation);
    }
    const share = operation && shareOf(operation);
    this.#replaced.set(name, share);
    if (before !== undefined) this.#count(before, -1);
    if (share !== undefined) this.#count(share, 1);
  }

  #count({ restores, bytes }: Share, sign: 1 | -1): void {
    if (restores) this.#restored += sign;
    else this.#deleted += sign;
    this.#bytes += sign * bytes;
  }
}

function shareOf(operation: RestoreOperation): Share {
  return { restores: operation.value !== undefined, bytes: operationBytes(operation) };
}

/** Bytes handed on in one go. */
const STRETCH_BYTES = 256 * 1024;
