import { isKvtsError, KvtsError } from "@kvts/common";

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/**
 * What a caller is told of a failure to write that left everything as it was: kvts errors as they are, a full disk as
 * NO_SPACE, anything else of the system as UNAVAILABLE.
 */
export function storeError(error: unknown): KvtsError {
  if (isKvtsError(error)) return error;
  if (isFull(error)) {
    return new KvtsError("NO_SPACE", "the disk is full; make room, and the store takes writes again by itself", {
      cause: error,
    });
  }
  const { message } = error as { message?: string };
  return new KvtsError("UNAVAILABLE", `the store could not write (${message ?? String(error)}); try again later`, {
    cause: error,
  });
}

/** What the caller of `open` is told: of a full disk as NO_SPACE, of anything else what it is. */
export function openError(error: unknown): unknown {
  if (!isFull(error)) return error;
  return new KvtsError("NO_SPACE", "the disk has no room to open the store; make some, and open it again", {
    cause: error,
  });
}

function isFull(error: unknown): boolean {
  const code: unknown = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && FULL.has(code);
}
