import { copyBytes } from "./bytes.ts";
import { formatDuration, parseDuration } from "./durations.ts";
import { invalidArgument, KvtsError } from "./errors.ts";
import { encodeBound } from "./keys.ts";
import { shown } from "./shown.ts";
import type { BytesInput, KeepFor } from "./store.ts";

/** Every table's footer holds the prefixes of retention. */
export const RETENTION_PREFIX_BYTES_MAX = 1024;

/** Microseconds; undefined for ever. @throws INVALID_ARGUMENT */
export function checkKeepFor(keepFor: KeepFor): number | undefined {
  if (keepFor === null) return undefined;
  if (typeof keepFor === "string") return parseDuration(keepFor);
  if (Number.isSafeInteger(keepFor) && keepFor >= 0) return keepFor;
  throw invalidArgument(
    `history is kept for a duration such as "30d", for whole microseconds, or for ever with null, not for ${shown(keepFor)}`,
  );
}

/** As {@link checkKeepFor} reads it. */
export function formatKeepFor(keepFor: number | undefined): string | null {
  return keepFor === undefined ? null : formatDuration(keepFor);
}

/** A copy of a prefix's bytes; empty for all keys. @throws INVALID_ARGUMENT, TOO_LARGE */
export function encodeRetentionPrefix(prefix: BytesInput): Uint8Array {
  const bytes = copyBytes(encodeBound(prefix, "prefix"));
  if (bytes.length <= RETENTION_PREFIX_BYTES_MAX) return bytes;
  throw new KvtsError(
    "TOO_LARGE",
    `the prefix of a retention has ${RETENTION_PREFIX_BYTES_MAX} bytes at most, not ${bytes.length}; use a shorter one`,
    { details: { bytes: bytes.length, bytesMax: RETENTION_PREFIX_BYTES_MAX } },
  );
}
