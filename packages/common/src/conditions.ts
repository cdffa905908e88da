import { atIndex, invalidArgument, isKvtsError, KvtsError } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { encodeKey } from "./keys.ts";
import { limits } from "./limits.ts";
import { checkSeq } from "./numbers.ts";
import { shown } from "./shown.ts";
import type { BytesInput, ConditionOptions, Precondition } from "./store.ts";
import { formatTime, parseTime } from "./time.ts";

/** A condition that has been checked; `ifTimestamp` in microseconds. */
export type CheckedCondition =
  | { readonly kind: "ifAbsent" }
  | { readonly kind: "ifSeq"; readonly seq: number }
  | { readonly kind: "ifTimestamp"; readonly timestamp: number };

/** A condition on a key, checked and encoded. Bytes are not copied. */
export interface EncodedPrecondition {
  readonly key: Uint8Array;
  readonly condition: CheckedCondition;
}

/** A key's newest version, whatever it is. */
export interface NewestVersion {
  readonly timestamp: number;
  readonly seq: number;
  /** It is a tombstone, or a value that has expired. */
  readonly deleted: boolean;
}

/**
 * The one condition among the options of a write; undefined where there is none.
 * @param now microseconds, for relative times
 * @throws INVALID_ARGUMENT for more than one, and for one of a wrong type
 */
export function conditionIn(options: ConditionOptions, now: () => number): CheckedCondition | undefined {
  const { ifAbsent, ifSeq, ifTimestamp } = options;
  if (ifAbsent === undefined && ifSeq === undefined && ifTimestamp === undefined) return undefined;
  if (ifAbsent !== undefined && typeof ifAbsent !== "boolean") {
    throw invalidArgument(`ifAbsent must be true or false, not ${shown(ifAbsent)}`, { field: "ifAbsent" });
  }
  const given = [ifAbsent === true, ifSeq !== undefined, ifTimestamp !== undefined].filter((one) => one).length;
  if (given > 1) throw invalidArgument("a write takes one of ifAbsent, ifSeq and ifTimestamp; leave the others out");
  if (ifSeq !== undefined) return { kind: "ifSeq", seq: checkSeq(ifSeq, "ifSeq") };
  if (ifTimestamp !== undefined) return { kind: "ifTimestamp", timestamp: parseTime(ifTimestamp, now) };
  return ifAbsent ? { kind: "ifAbsent" } : undefined;
}

/** One list for all writes without conditions. */
const none: readonly EncodedPrecondition[] = [];

const fields = ["key", "ifAbsent", "ifSeq", "ifTimestamp"] as const;

/**
 * The preconditions of a write.
 * @throws INVALID_ARGUMENT or TOO_LARGE, with `precondition`, the index of the bad one, in the details
 */
export function encodePreconditions(
  preconditions: readonly Precondition[] | undefined,
  now: () => number,
): readonly EncodedPrecondition[] {
  if (preconditions === undefined) return none;
  if (!Array.isArray(preconditions)) throw invalidArgument("preconditions must be an array");
  if (preconditions.length > limits.batchOperationsMax) {
    const max = limits.batchOperationsMax;
    throw new KvtsError("TOO_LARGE", `a write has at most ${max} preconditions, not ${preconditions.length}`, {
      details: { limit: max },
    });
  }
  return Array.from(preconditions, (precondition: Precondition, index) => {
    try {
      return encodePrecondition(precondition, now);
    } catch (error) {
      throw isKvtsError(error) ? atIndex(error, "precondition", index) : error;
    }
  });
}

function encodePrecondition(precondition: Precondition, now: () => number): EncodedPrecondition {
  checkFields(precondition, fields, "a precondition");
  const condition = conditionIn(precondition, now);
  if (condition === undefined) throw invalidArgument("a precondition has one of ifAbsent, ifSeq and ifTimestamp");
  return { key: encodeKey(precondition.key), condition };
}

/** The precondition that a write of one operation has by its options: none, or one on its own key. */
export function ownPrecondition(
  key: BytesInput,
  options: ConditionOptions,
  now: () => number,
): readonly EncodedPrecondition[] {
  const condition = conditionIn(options, now);
  return condition === undefined ? none : [{ key: encodeKey(key), condition }];
}

/**
 * Judges a condition, and that what is to be written to its key will be the newest there.
 * @param newest undefined where the key has no version at all
 * @param writes the lowest timestamp that the write puts at the key; undefined where it writes elsewhere only
 * @returns CONFLICT with what is there now in its details; undefined where the condition holds
 */
export function judgeCondition(
  condition: CheckedCondition,
  newest: NewestVersion | undefined,
  writes: number | undefined,
): KvtsError | undefined {
  if (!holds(condition, newest)) {
    return conflict(
      `${wanted(condition)}, but ${found(newest)}; read it again and decide anew`,
      condition.kind,
      newest,
    );
  }
  if (newest === undefined || writes === undefined || writes >= newest.timestamp) return undefined;
  const sentence = `the key has a version at ${formatTime(newest.timestamp)}, so that a conditional write at ${formatTime(writes)} would not be seen; write at that time or later`;
  return conflict(sentence, "newer", newest);
}

function holds(condition: CheckedCondition, newest: NewestVersion | undefined): boolean {
  const value = newest === undefined || newest.deleted ? undefined : newest;
  switch (condition.kind) {
    case "ifAbsent":
      return value === undefined;
    case "ifSeq":
      return value?.seq === condition.seq;
    case "ifTimestamp":
      return value?.timestamp === condition.timestamp;
  }
}

function wanted(condition: CheckedCondition): string {
  switch (condition.kind) {
    case "ifAbsent":
      return "the key was to hold nothing";
    case "ifSeq":
      return `the key's newest value was to have seq ${condition.seq}`;
    case "ifTimestamp":
      return `the key's newest value was to be at ${formatTime(condition.timestamp)}`;
  }
}

function found(newest: NewestVersion | undefined): string {
  if (newest === undefined || newest.deleted) return "it holds nothing";
  return `it holds one of seq ${newest.seq} at ${formatTime(newest.timestamp)}`;
}

/** `condition` in the details is what did not hold: its name, or `newer`. What is there now is left out where nothing is. */
function conflict(
  sentence: string,
  condition: CheckedCondition["kind"] | "newer",
  newest: NewestVersion | undefined,
): KvtsError {
  const now = newest === undefined ? {} : { currentSeq: newest.seq, currentTimestamp: newest.timestamp };
  const deleted = newest?.deleted === true ? { currentDeleted: true } : {};
  return new KvtsError("CONFLICT", sentence, { details: { condition, ...now, ...deleted } });
}

/** The judgement on all conditions of a write: the first that does not hold. `precondition` says which of several. */
export function conflictAt(conflict: KvtsError, index: number, count: number): KvtsError {
  return count === 1 ? conflict : atIndex(conflict, "precondition", index);
}

/** The error for a request id that has named another write. */
export function otherContent(requestId: string): KvtsError {
  return invalidArgument(
    "the request id has named a write of other content within the last ten minutes; give every write an id of its own",
    { requestId },
  );
}
