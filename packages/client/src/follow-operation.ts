import {
  type CallOptions,
  isKvtsError,
  KvtsError,
  type OperationKind,
  type OperationProgress,
  type OperationResults,
} from "@kvts/common";
import { checkTimeoutMs } from "./options.ts";
import type { Remote } from "./remote.ts";
import type { WireOperation } from "./wire.ts";

/** Between two looks at an operation, in milliseconds: doubling up to the last. */
const pauseMsFirst = 10;
const pauseMsMax = 1000;

export interface FollowOptions extends CallOptions {
  readonly onProgress?: ((progress: OperationProgress) => void) | undefined;
}

/** The moment by which a call has to be over, by the runtime's `nowMs`; never where no `timeoutMs` is given. */
export function deadlineOf({ timeoutMs }: CallOptions, { runtime }: Remote): number {
  return timeoutMs === undefined ? Number.POSITIVE_INFINITY : runtime.nowMs() + checkTimeoutMs(timeoutMs);
}

/**
 * Waits for the end of an operation of the server's, which goes on whoever waits for it.
 * @param deadlineMs by the runtime's `nowMs`
 * @throws what it failed with; what keeps this client from learning of it, with the operation's id in the details
 */
export async function followOperation<Kind extends OperationKind>(
  remote: Remote,
  begun: WireOperation,
  deadlineMs: number,
  { signal, onProgress }: FollowOptions,
): Promise<OperationResults[Kind]> {
  const { wire, caller, runtime, settings } = remote;
  const { id } = begun;
  let operation = begun;
  let told: OperationProgress | undefined;
  try {
    for (let pauseMs = pauseMsFirst; ; pauseMs = Math.min(pauseMsMax, pauseMs * 2)) {
      const { state, progress, error, result } = operation;
      if (progress !== undefined && !isSame(progress, told)) onProgress?.(progress);
      told = progress;
      // Its result is of the kind of what was begun.
      if (state === "succeeded") return result as OperationResults[Kind];
      if (state === "failed") throw new OperationFailure(new KvtsError(error!.code, error!.message, error));
      const leftMs = deadlineMs - runtime.nowMs();
      if (leftMs <= 0) throw new KvtsError("DEADLINE_EXCEEDED", "the operation took longer than its deadline");
      await runtime.sleep(Math.min(pauseMs, leftMs), signal);
      const timeoutMs = Math.max(1, Math.ceil(Math.min(settings.timeoutMs, deadlineMs - runtime.nowMs())));
      operation = await caller.read({ signal, timeoutMs }, (call) => wire.getOperation(id, call));
    }
  } catch (error) {
    if (error instanceof OperationFailure) throw error.error;
    throw isKvtsError(error) ? lostSight(error, id) : error;
  }
}

/** The operation itself has failed. */
class OperationFailure extends Error {
  readonly error: KvtsError;

  constructor(error: KvtsError) {
    super(error.message);
    this.error = error;
  }
}

function lostSight(error: KvtsError, id: string): KvtsError {
  // The server has said what becomes of those that it does not know any more.
  const sentence =
    error.code === "OPERATION_EXPIRED" ? error.message : `${error.message}; what the server has begun goes on`;
  return new KvtsError(error.code, sentence, { details: { ...error.details, operation: id }, cause: error });
}

function isSame(a: OperationProgress, b: OperationProgress | undefined): boolean {
  return a.phase === b?.phase && a.bytesDone === b.bytesDone && a.bytesTotal === b.bytesTotal;
}
