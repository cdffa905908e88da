import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CheckpointReport as CheckpointMessage,
  type EraseRequestSchema,
  type ErasureResult,
  OperationState as StateMessage,
  type TrackedOperation,
  type Verification,
} from "@kvts/api";
import {
  type CheckpointReport,
  type EraseResult,
  isErrorCode,
  type OperationError,
  type OperationState,
  type VerifiedState,
  type VerifyReport,
} from "@kvts/common";
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

function resultOf({ result }: TrackedOperation): NonNullable<WireOperation["result"]> {
  switch (result.case) {
    case "erasure":
      return fromErasure(result.value);
    case "checkpoint":
      return fromCheckpoint(result.value);
    case "verification":
      return fromVerification(result.value);
    default:
      throw brokenAnswer("an operation has a result that this client does not know");
  }
}

function fromCheckpoint(report: CheckpointMessage): CheckpointReport {
  const { directory, incarnation } = report;
  return {
    directory,
    incarnation,
    seq: arrivedNumber(report.seq, "seq"),
    tables: arrivedNumber(report.tables, "tables"),
    linkedBytes: arrivedNumber(report.linkedBytes, "linked_bytes"),
    copiedBytes: arrivedNumber(report.copiedBytes, "copied_bytes"),
    operations: arrivedNumber(report.operations, "operations"),
    logBytes: arrivedNumber(report.logBytes, "log_bytes"),
    elapsedMs: arrivedNumber(report.elapsedMs, "elapsed_ms"),
  };
}

function fromVerification(report: Verification): VerifyReport {
  const { sound, incarnation } = report;
  return {
    sound,
    ...(incarnation !== "" && { incarnation }),
    tables: arrivedNumber(report.tables, "tables"),
    versions: arrivedNumber(report.versions, "versions"),
    operations: arrivedNumber(report.operations, "operations"),
    files: report.files.map(({ file, state, bytes, entries, reason }) => ({
      file,
      state: state as VerifiedState,
      bytes: arrivedNumber(bytes, "bytes"),
      entries: arrivedNumber(entries, "entries"),
      ...(reason !== "" && { reason }),
    })),
    problems: report.problems.map(({ file, offset, message }) => {
      return { file, offset: arrivedNumber(offset, "offset"), message };
    }),
    problemsOmitted: arrivedNumber(report.problemsOmitted, "problems_omitted"),
    bytesRead: arrivedNumber(report.bytesRead, "bytes_read"),
    elapsedMs: arrivedNumber(report.elapsedMs, "elapsed_ms"),
  };
}

function errorOf({ error }: TrackedOperation): OperationError {
  const { reason = "", metadata: details = {} } = error?.info ?? {};
  const code = isErrorCode(reason) ? reason : "INTERNAL";
  return { code, message: error?.message ?? "the operation failed, and does not say why", details };
}
