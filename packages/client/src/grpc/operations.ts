import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type EraseRequestSchema,
  type ErasureResult,
  OperationState as StateMessage,
  type TrackedOperation,
} from "@kvts/api";
import { type EraseResult, isErrorCode, type OperationError, type OperationState } from "@kvts/common";
import { arrivedNumber } from "../arrived.ts";
import { brokenAnswer } from "../failures.ts";
import type { EraseRequest, WireOperation } from "../wire.ts";
import { toRange } from "./messages.ts";

/** Those that a server sends, by their numbers. */
const states: ReadonlyMap<StateMessage, OperationState> = new Map([
  [StateMessage.RUNNING, "running"],
  [StateMessage.SUCCEEDED, "succeeded"],
  [StateMessage.FAILED, "failed"],
]);

export function toErase({ range, key }: EraseRequest, dryRun: boolean): MessageInitShape<typeof EraseRequestSchema> {
  const target =
    key === undefined ? { case: "range" as const, value: toRange(range) } : { case: "key" as const, value: key };
  return { target, dryRun };
}

export function fromOperation(operation: TrackedOperation | undefined): WireOperation {
  if (operation === undefined) throw brokenAnswer("it has no operation");
  const { id, progress, hiddenSeq } = operation;
  const state = states.get(operation.state);
  if (state === undefined) throw brokenAnswer("an operation is in no state that this client knows");
  return {
    id,
    state,
    ...(progress !== undefined && {
      progress: {
        phase: progress.phase,
        bytesTotal: arrivedNumber(progress.bytesTotal, "bytes_total"),
        bytesDone: arrivedNumber(progress.bytesDone, "bytes_done"),
      },
    }),
    ...(hiddenSeq !== undefined && { hiddenSeq: arrivedNumber(hiddenSeq, "hidden_seq") }),
    ...(state === "failed" && { error: errorOf(operation) }),
    ...(state === "succeeded" && { result: resultOf(operation) }),
  };
}

export function fromErasure(result: ErasureResult | undefined): EraseResult {
  if (result === undefined) throw brokenAnswer("an erasure has no result");
  return {
    seq: arrivedNumber(result.seq, "seq"),
    removed: arrivedNumber(result.removed, "removed"),
    tablesRewritten: arrivedNumber(result.tablesRewritten, "tables_rewritten"),
    bytesRewritten: arrivedNumber(result.bytesRewritten, "bytes_rewritten"),
    setAside: result.setAside,
    checkpoints: result.checkpoints,
  };
}

function resultOf({ result }: TrackedOperation): EraseResult {
  if (result.case !== "erasure") throw brokenAnswer("an operation has a result that this client does not know");
  return fromErasure(result.value);
}

function errorOf({ error }: TrackedOperation): OperationError {
  const { reason = "", metadata: details = {} } = error?.info ?? {};
  const code = isErrorCode(reason) ? reason : "INTERNAL";
  return { code, message: error?.message ?? "the operation failed, and does not say why", details };
}
