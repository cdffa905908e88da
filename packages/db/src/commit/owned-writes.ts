import {
  type BytesInput,
  copyBytes,
  type EncodedOperation,
  type EncodedPrecondition,
  type Operation,
} from "@kvts/common";

/** A put, or with an undefined value a delete or a retract, whose value and times have been checked. */
export interface SingleWrite {
  readonly key: BytesInput;
  readonly value: BytesInput | undefined;
  /** Hides what was written at exactly this timestamp, instead of writing a tombstone. */
  readonly retracts?: true;
  /** Microseconds; undefined to have one assigned. */
  readonly timestamp: number | undefined;
  readonly expiresAt: number | undefined;
  readonly requestId: string | undefined;
  readonly preconditions: readonly EncodedPrecondition[];
}

/** A write that has to wait keeps copies: the caller may change its bytes meanwhile. */
export function ownedWrite(write: SingleWrite): SingleWrite {
  return {
    ...write,
    key: ownedInput(write.key),
    value: write.value === undefined ? undefined : ownedInput(write.value),
    preconditions: write.preconditions.map(ownedPrecondition),
  };
}

export function ownedPrecondition({ key, condition }: EncodedPrecondition): EncodedPrecondition {
  return { key: copyBytes(key), condition };
}

function ownedInput(input: BytesInput): BytesInput {
  return input instanceof Uint8Array ? copyBytes(input) : input;
}

export function ownedOperation(operation: EncodedOperation): Operation {
  if (operation.op === "deleteRange") return { op: "deleteRange", ...operation.range, timestamp: operation.timestamp };
  const { op, timestamp, expiresAt, ...bytes } = operation;
  const key = copyBytes(bytes.key);
  if (op === "retract") return { op, key, timestamp: timestamp! };
  if (op === "delete") return { op, key, timestamp };
  return { op, key, value: copyBytes(bytes.value!), timestamp, expiresAt };
}
