import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CheckpointReportSchema,
  type EraseRequest,
  type ErasureResultSchema,
  ErrorInfoSchema,
  OperationState as StateMessage,
  type TrackedOperationSchema,
  type VerificationSchema,
} from "@kvts/api";
import {
  type CheckpointReport,
  checkPositiveInteger,
  type EraseResult,
  type EraseTarget,
  invalidArgument,
  type OperationError,
  type OperationKind,
  type OperationResults,
  type OperationState,
  type TrackedOperation,
  type VerifyReport,
} from "@kvts/common";
import { numberOut } from "./numbers.ts";
import { rangeIn } from "./operations.ts";

const states: Readonly<Record<OperationState, StateMessage>> = {
  running: StateMessage.RUNNING,
  succeeded: StateMessage.SUCCEEDED,
  failed: StateMessage.FAILED,
};

/** @throws INVALID_ARGUMENT for what is absent: every key is meant only where an empty range says so */
export function eraseIn({ target }: EraseRequest): EraseTarget {
  switch (target.case) {
    case "range":
      return rangeIn(target.value);
    case "key":
      return { key: target.value };
    default:
      throw invalidArgument("what is to be erased is missing; send a key, or a range, an empty one for every key", {
        field: "target",
      });
  }
}

export function operationOut(operation: TrackedOperation): MessageInitShape<typeof TrackedOperationSchema> {
  const { id, state, startedAt, endedAt, progress, hiddenSeq, error } = operation;
  return {
    id,
    state: states[state],
    startedAt: numberOut(startedAt),
    ...(endedAt !== undefined && { endedAt: numberOut(endedAt) }),
    ...(progress !== undefined && {
      progress: {
        phase: progress.phase,
        bytesTotal: numberOut(progress.bytesTotal),
        bytesDone: numberOut(progress.bytesDone),
      },
    }),
    ...(hiddenSeq !== undefined && { hiddenSeq: numberOut(hiddenSeq) }),
    ...(error !== undefined && { error: errorOut(error) }),
    result: resultOut(operation),
  };
}

export function erasureOut(result: EraseResult): MessageInitShape<typeof ErasureResultSchema> {
  return {
    seq: numberOut(result.seq),
    removed: numberOut(result.removed),
    tablesRewritten: numberOut(result.tablesRewritten),
    bytesRewritten: numberOut(result.bytesRewritten),
    setAside: [...result.setAside],
    checkpoints: [...result.checkpoints],
  };
}

type ResultMessage = NonNullable<MessageInitShape<typeof TrackedOperationSchema>["result"]>;

function resultOut(operation: TrackedOperation): ResultMessage {
  if (isOf("erase", operation)) return { case: "erasure", value: erasureOut(operation.result) };
  if (isOf("checkpoint", operation)) return { case: "checkpoint", value: checkpointOut(operation.result) };
  if (isOf("verify", operation)) return { case: "verification", value: verificationOut(operation.result) };
  return { case: undefined };
}

function checkpointOut(report: CheckpointReport): MessageInitShape<typeof CheckpointReportSchema> {
  const { directory, incarnation } = report;
  return {
    directory,
    incarnation,
    seq: numberOut(report.seq),
    tables: numberOut(report.tables),
    linkedBytes: numberOut(report.linkedBytes),
    copiedBytes: numberOut(report.copiedBytes),
    operations: numberOut(report.operations),
    logBytes: numberOut(report.logBytes),
    elapsedMs: numberOut(report.elapsedMs),
  };
}

function verificationOut(report: VerifyReport): MessageInitShape<typeof VerificationSchema> {
  const { sound, incarnation = "" } = report;
  return {
    sound,
    incarnation,
    tables: numberOut(report.tables),
    versions: numberOut(report.versions),
    operations: numberOut(report.operations),
    files: report.files.map(({ file, state, bytes, entries, reason = "" }) => {
      return { file, state, bytes: numberOut(bytes), entries: numberOut(entries), reason };
    }),
    problems: report.problems.map(({ file, offset, message }) => ({ file, offset: numberOut(offset), message })),
    problemsOmitted: numberOut(report.problemsOmitted),
    bytesRead: numberOut(report.bytesRead),
    elapsedMs: numberOut(report.elapsedMs),
  };
}

/** Whether it is of a kind, and has succeeded. */
function isOf<Kind extends OperationKind>(
  kind: Kind,
  operation: TrackedOperation,
): operation is TrackedOperation<Kind> & { readonly result: OperationResults[Kind] } {
  return operation.kind === kind && operation.result !== undefined;
}

/** @throws INVALID_ARGUMENT */
export function rateIn(bytesPerSecond: bigint | undefined): number | undefined {
  return bytesPerSecond === undefined ? undefined : checkPositiveInteger(Number(bytesPerSecond), "bytes_per_second");
}

function errorOut({
  code,
  message,
  details,
}: OperationError): MessageInitShape<typeof TrackedOperationSchema>["error"] {
  const metadata = Object.fromEntries(Object.entries(details).map(([name, value]) => [name, String(value)]));
  return { message, info: create(ErrorInfoSchema, { reason: code, domain: "kvts", metadata }) };
}
