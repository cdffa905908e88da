import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type EraseRequest,
  type ErasureResultSchema,
  ErrorInfoSchema,
  OperationState as StateMessage,
  type TrackedOperationSchema,
} from "@kvts/api";
import {
  type EraseResult,
  type EraseTarget,
  invalidArgument,
  type OperationError,
  type OperationState,
  type TrackedOperation,
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

function resultOut({ result }: TrackedOperation): ResultMessage {
  if (result === undefined) return { case: undefined };
  return { case: "erasure", value: erasureOut(result) };
}

function errorOut({
  code,
  message,
  details,
}: OperationError): MessageInitShape<typeof TrackedOperationSchema>["error"] {
  const metadata = Object.fromEntries(Object.entries(details).map(([name, value]) => [name, String(value)]));
  return { message, info: create(ErrorInfoSchema, { reason: code, domain: "kvts", metadata }) };
}
