/** Bytes since the store was opened. */
export interface WrittenBytes {
  /** Puts, deletes and retracts. What was replayed from the log counts as written. */
  readonly operations: number;
  /** Of keys and values, and eight for each timestamp. */
  readonly userBytes: number;
  /** Of frames appended to the log. */
  readonly logBytes: number;
  /** Of tables, by flushes and by merges. */
  readonly tableBytes: number;
}

/** Bytes written to log and tables for each byte that users have written; 0 before the first. */
export function writeAmplification({ userBytes, logBytes, tableBytes }: WrittenBytes): number {
  return userBytes === 0 ? 0 : twoDigits((logBytes + tableBytes) / userBytes);
}

/**
 * Bytes of table files for each byte that users have in them. Tables do not know how long keys and values were: entries
 * count for as much as those written since the store was opened do on average. 0 before the first of those.
 */
export function spaceAmplification(fileBytes: number, entries: number, written: WrittenBytes): number {
  if (written.userBytes === 0 || entries === 0) return 0;
  return twoDigits(fileBytes / (entries * (written.userBytes / written.operations)));
}

function twoDigits(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
