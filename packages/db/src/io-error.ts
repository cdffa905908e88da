import { isKvtsError, KvtsError } from "@kvts/common";

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/**
 * What a caller is told of a failure to write that left everything as it was: kvts errors as they are, a full disk as
 * NO_SPACE, anything else of the system as UNAVAILABLE.
 */
export function storeError(error: unknown): KvtsError {
  if (isKvtsError(error)) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code !== undefined && FULL.has(code)) {
    return new KvtsError("NO_SPACE", "the disk is full; make room, and the store takes writes again by itself", {
      cause: error,
    });
  }
  return new KvtsError("UNAVAILABLE", `the store could not write (${message ?? String(error)}); try again later`, {
    cause: error,
  });
}
