import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, isKvtsError, type Operation } from "@kvts/common";
import type { ByteStore } from "../target/use-store.ts";
import type { Batch } from "./batcher.ts";
import type { BadLine } from "./item.ts";
import { badLine } from "./parsed-operation.ts";

/** Failures that are about one operation, not about the store. */
const operationFailures: ReadonlySet<ErrorCode> = new Set([
  "INVALID_ARGUMENT",
  "TOO_LARGE",
  "TIMESTAMP_AHEAD",
  "HISTORY_TRIMMED",
]);

/** Failures that pass by themselves. */
const passingFailures: ReadonlySet<ErrorCode> = new Set(["UNAVAILABLE", "OVERLOADED"]);
const triesMax = 6;
const firstPauseMs = 100;

/** What became of a batch. */
export interface Written {
  readonly versions: number;
  /** Those that the store refused for what they are. */
  readonly refused: readonly BadLine[];
}

/**
 * Writes a batch. Where the store refuses it for one of its operations, they are written one by one.
 * @param strict writes nothing behind the first refused one
 * @throws what the store failed with when it was not about single operations
 */
export async function writeBatch(
  store: ByteStore,
  batch: Batch,
  { strict, signal }: { readonly strict: boolean; readonly signal: AbortSignal },
): Promise<Written> {
  if ((await tryWrite(store, batch, signal)) === undefined) return { versions: batch.length, refused: [] };
  const refused: BadLine[] = [];
  let versions = 0;
  for (const version of batch) {
    const refusal = await tryWrite(store, [version], signal);
    if (refusal === undefined) versions++;
    else refused.push(badLine(version.line, refusal));
    if (strict && refused.length > 0) break;
  }
  return { versions, refused };
}

/** Writes, and returns the error where the store refuses one of the operations. */
async function tryWrite(store: ByteStore, batch: Batch, signal: AbortSignal): Promise<unknown> {
  try {
    await writePatiently(
      store,
      batch.map(({ operation }) => operation),
      signal,
    );
    return undefined;
  } catch (error) {
    if (isOperationFailure(error)) return error;
    throw error;
  }
}

function isOperationFailure(error: unknown): boolean {
  return isKvtsError(error) && operationFailures.has(error.code);
}

/**
 * Writes again while the store is busy, with growing pauses. Only where every operation has its own timestamp: to write
 * such a version twice is to write it once, and whether the first try arrived need not be known.
 */
async function writePatiently(store: ByteStore, operations: readonly Operation[], signal: AbortSignal): Promise<void> {
  const repeatable = operations.every(({ timestamp }) => timestamp !== undefined);
  for (let tries = 1; ; tries++) {
    try {
      await store.write(operations);
      return;
    } catch (error) {
      const passes = isKvtsError(error) && passingFailures.has(error.code);
      if (!passes || !repeatable || tries === triesMax || signal.aborted) throw error;
      await sleep(firstPauseMs * 2 ** (tries - 1));
    }
  }
}
