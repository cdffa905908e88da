import type { Condition as ConditionMessage, Precondition as PreconditionMessage } from "@kvts/api";
import { atIndex, type Condition, invalidArgument, isKvtsError, type Precondition } from "@kvts/common";
import { seqIn, timestampIn } from "./numbers.ts";

/** The condition of a write of one operation, as its options. */
export function conditionIn(condition: ConditionMessage | undefined): Condition | undefined {
  return condition === undefined ? undefined : requiredIn(condition);
}

/** @throws INVALID_ARGUMENT, with the index of the bad one */
export function preconditionsIn(preconditions: readonly PreconditionMessage[]): Precondition[] {
  return preconditions.map(({ key, condition }, index) => {
    try {
      return { key, ...requiredIn(condition) };
    } catch (error) {
      throw isKvtsError(error) ? atIndex(error, "precondition", index) : error;
    }
  });
}

function requiredIn(condition: ConditionMessage | undefined): Condition {
  const kind = condition?.kind;
  switch (kind?.case) {
    case "ifAbsent":
      if (kind.value) return { ifAbsent: true };
      throw invalidArgument("if_absent must be true; leave the condition out for none", { field: "if_absent" });
    case "ifSeq":
      return { ifSeq: seqIn(kind.value, "if_seq")! };
    case "ifTimestamp":
      return { ifTimestamp: timestampIn(kind.value, "if_timestamp")! };
    default:
      throw invalidArgument(
        "the condition is of no kind that this server knows; set if_absent, if_seq or if_timestamp",
      );
  }
}
