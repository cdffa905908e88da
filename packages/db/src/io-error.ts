import { isKvtsError, KvtsError } from "@kvts/common";

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** What is wrong with a path, as the end of a sentence that begins with it, and what to do about it. */
const PATH_PROBLEMS: Readonly<Record<string, string>> = {
  ENOTDIR: "is a file, or leads through one; name a directory",
  EEXIST: "is a file, or leads through one; name a directory",
  EISDIR: "is a directory where a file belongs; name another directory",
  EACCES: "may not be read and written by this user; change its permissions, or name another directory",
  EPERM: "may not be changed by this user; change its permissions, or name another directory",
  EROFS: "is on a read-only file system; name a directory on one that can be written",
  ENOENT: "cannot be made here, or is a link that leads nowhere; check the path",
  ELOOP: "leads through links that go in a circle; check the path",
  ENAMETOOLONG: "is longer than this file system allows; name a shorter one",
};

/** What there are too many of, as the end of a sentence that begins with a path. */
const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE: "cannot be opened because this process has too many open files; raise the limit (ulimit -n)",
  ENFILE: "cannot be opened because the system has too many open files; close some",
};

/**
 * What a caller is told of a failure to write that left everything as it was: kvts errors as they are, a full disk as
 * NO_SPACE, anything else of the system as UNAVAILABLE.
 */
export function storeError(error: unknown): KvtsError {
  if (isKvtsError(error)) return error;
  if (isDiskFull(error)) return fullDiskError(error);
  const { message } = error as { message?: string };
  return new KvtsError("UNAVAILABLE", `the store could not write (${message ?? String(error)}); try again later`, {
    cause: error,
  });
}

/** What writes are refused with until there is room. */
export function fullDiskError(cause?: unknown): KvtsError {
  return new KvtsError("NO_SPACE", "the disk is full; make room, and the store takes writes again by itself", {
    cause,
  });
}

/**
 * What the caller of `open` is told: of a full disk as NO_SPACE, of a path that cannot be used as INVALID_ARGUMENT with the
 * path and what to do, of anything else what it is.
 */
export function openError(error: unknown, directory: string): unknown {
  if (isDiskFull(error)) {
    return new KvtsError("NO_SPACE", "the disk has no room to open the store; make some, and open it again", {
      cause: error,
    });
  }
  return directoryError(error, directory) ?? error;
}

/** The sentence for a path that cannot be used: `directory`, or something in it; undefined where that is not the trouble. */
export function directoryError(error: unknown, directory: string): KvtsError | undefined {
  const { code, path } = (error ?? {}) as { code?: unknown; path?: unknown };
  if (typeof code !== "string" || isKvtsError(error)) return undefined;
  const subject = typeof path === "string" ? path : directory;
  const problem = PATH_PROBLEMS[code];
  if (problem !== undefined) {
    return new KvtsError("INVALID_ARGUMENT", `${subject} ${problem}`, { details: { directory }, cause: error });
  }
  const shortage = SHORTAGES[code];
  if (shortage === undefined) return undefined;
  return new KvtsError("UNAVAILABLE", `${subject} ${shortage}`, { details: { directory }, cause: error });
}

export function isDiskFull(error: unknown): boolean {
  const code: unknown = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && FULL.has(code);
}
