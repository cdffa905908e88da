import { toHex, utf8 } from "@kvts/common";
import type { ImportedVersion, KeyOperation } from "./item.ts";

/** Most operations in a batch. */
const operationsMax = 1_000;
/** Most bytes of keys and values in a batch of several: below what a server takes in one request (8 MiB), encoded. */
const bytesMax = 4 * 1024 * 1024;

/** Versions that are written together. */
export type Batch = readonly ImportedVersion[];

/** Gathers versions into batches, in their order. */
export class Batcher {
  #gathered: ImportedVersion[] = [];
  #bytes = 0;
  /** Keys among the gathered ones whose timestamp the store is to assign. */
  readonly #untimed: Set<string> = new Set();

  /** Adds a version. Returns the batch before it, when that is not to grow any more. */
  add(version: ImportedVersion): Batch | undefined {
    const full = this.#isFullFor(version) ? this.take() : undefined;
    this.#gathered.push(version);
    this.#bytes += version.bytes;
    if (version.operation.timestamp === undefined) this.#untimed.add(keyId(version.operation));
    return full;
  }

  /** The batch that is being gathered, perhaps empty; a new one begins. */
  take(): Batch {
    const batch = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    this.#untimed.clear();
    return batch;
  }

  /**
   * One write assigns one timestamp to all its operations, and of two on the same key the later would replace the
   * earlier: they go into different batches, so that both stay in the history.
   */
  #isFullFor({ operation, bytes }: ImportedVersion): boolean {
    if (this.#gathered.length === 0) return false;
    if (this.#gathered.length >= operationsMax) return true;
    if (this.#bytes + bytes > bytesMax) return true;
    return operation.timestamp === undefined && this.#untimed.has(keyId(operation));
  }
}

function keyId({ key }: KeyOperation): string {
  return toHex(typeof key === "string" ? utf8(key) : key);
}
