import { formatTime, KvtsError } from "@kvts/common";

/** A read at a moment of which not everything is kept any more. */
export function readTrimmed(asOf: number, horizon: number): KvtsError {
  return new KvtsError(
    "HISTORY_TRIMMED",
    `history before ${formatTime(horizon)} is not kept here; read at that moment or later, not at ${formatTime(asOf)}`,
    { details: { oldestReadable: horizon } },
  );
}

/** A write to a moment of which not everything is kept any more. */
export function writeTrimmed(timestamp: number, horizon: number): KvtsError {
  return new KvtsError(
    "HISTORY_TRIMMED",
    `history before ${formatTime(horizon)} is not kept here; write at that moment or later, not at ${formatTime(timestamp)}`,
    { details: { oldestReadable: horizon } },
  );
}
