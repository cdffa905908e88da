import type { RestoreRequest, RestoreResponse } from "@kvts/api";
import { invalidArgument, type Range, type RestoreResult } from "@kvts/common";
import { numberOut, timestampIn } from "./numbers.ts";
import { rangeIn } from "./operations.ts";
import { changeOut } from "./versions.ts";

/** @throws INVALID_ARGUMENT for what is absent: every key is meant only where an empty range says so */
export function restoreIn({ range, to }: RestoreRequest): { range: Range; to: number } {
  if (range === undefined) {
    throw invalidArgument("the range is missing; send an empty one to restore every key", { field: "range" });
  }
  const moment = timestampIn(to, "to");
  if (moment === undefined) throw invalidArgument("restore needs the moment to go back to", { field: "to" });
  return { range: rangeIn(range), to: moment };
}

export function restoreOut(
  result: RestoreResult<Uint8Array>,
): Omit<RestoreResponse, "$typeName" | "$unknown" | "timestamp" | "seq"> & { timestamp?: bigint; seq?: bigint } {
  const { to, restored, deleted, bytes, timestamp, seq, sample = [] } = result;
  return {
    to: numberOut(to),
    restored: numberOut(restored),
    deleted: numberOut(deleted),
    bytes: numberOut(bytes),
    ...(timestamp !== undefined && { timestamp: numberOut(timestamp) }),
    ...(seq !== undefined && { seq: numberOut(seq) }),
    sample: sample.map(changeOut),
  };
}
