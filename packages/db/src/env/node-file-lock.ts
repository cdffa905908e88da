import { KvtsError } from "@kvts/common";
import type { FileLock } from "./file-system.ts";
import { loadNativePackage } from "./native-package.ts";

// As node-file-system.ts has it.
const fs: typeof import("node:fs") = process.getBuiltinModule("node:fs");

/** The package, or its native code alone. */
interface LockPackage {
  /** Where another open file has it, the package says false, and its native code throws EAGAIN. */
  tryLock(fd: number, offset: number, length: number, exclusive: boolean): boolean | undefined;
}

/** Looking for this takes the package 8 ms, for it knows other runtimes too. */
const BINDING = `prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`;

/**
 * Windows keeps others from reading what is locked, so there the lock is on a byte far behind the pid. Elsewhere it is
 * on the whole file: macOS has nothing finer.
 */
const [LOCK_OFFSET, LOCK_LENGTH] = process.platform === "win32" ? [2 ** 30, 1] : [0, 0];
const PID_BYTES_MAX = 16;

/**
 * An exclusive lock by the operating system on an open file: it ends with the process, however that ends, and holds
 * against other opens in the same process. The file stays and tells the holder's pid.
 * @throws LOCKED
 */
export function lockFile(path: string): FileLock {
  const { tryLock } = loadNativePackage("fs-native-extensions", BINDING) as LockPackage;
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o666);
  try {
    if (!isGranted(tryLock, fd)) throw lockedError(path, readPid(fd));
    writePid(fd);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  let held = true;
  return {
    release(): void {
      if (!held) return;
      held = false;
      // Closing gives the lock up. The file must stay: were it removed, two processes could lock two files of one name.
      fs.closeSync(fd);
    },
  };
}

function isGranted(tryLock: LockPackage["tryLock"], fd: number): boolean {
  try {
    return tryLock(fd, LOCK_OFFSET, LOCK_LENGTH, true) !== false;
  } catch (error) {
    // How some systems say that somebody else has it.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EAGAIN" || code === "EBUSY" || code === "EACCES") return false;
    throw error;
  }
}

function writePid(fd: number): void {
  const text = Buffer.from(`${process.pid}\n`);
  fs.writeSync(fd, text, 0, text.length, 0);
  fs.ftruncateSync(fd, text.length);
}

function readPid(fd: number): number | undefined {
  const bytes = Buffer.alloc(PID_BYTES_MAX);
  const text = bytes.toString("latin1", 0, fs.readSync(fd, bytes, 0, PID_BYTES_MAX, 0));
  const match = /^(\d+)\n/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

function lockedError(path: string, pid: number | undefined): KvtsError {
  const holder = pid === undefined ? "another process" : pid === process.pid ? "this process" : `process ${pid}`;
  return new KvtsError(
    "LOCKED",
    `${path} is held by ${holder}, which has the store open; close it there, or open another directory`,
    { details: pid === undefined ? { file: path } : { file: path, pid } },
  );
}
