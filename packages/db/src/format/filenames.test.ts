import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import {
  currentFileName,
  lockFileName,
  logFileName,
  lostDirectoryName,
  manifestFileName,
  parseFileName,
  spareFileName,
  tableFileName,
  temporaryFileName,
} from "./filenames.ts";

describe("file names", () => {
  test("numbers have six digits at least", () => {
    expect(manifestFileName("data", 1)).toBe("data/MANIFEST-000001");
    expect(logFileName("data", 12)).toBe("data/000012.log");
    expect(tableFileName("data", 1234567)).toBe("data/1234567.sst");
  });

  test("every name that is built is parsed", () => {
    expect(parseFileName(basename(currentFileName("d")))).toEqual({ kind: "current", number: 0 });
    expect(parseFileName(basename(lockFileName("d")))).toEqual({ kind: "lock", number: 0 });
    expect(parseFileName(basename(lostDirectoryName("d")))).toEqual({ kind: "lost", number: 0 });
    for (const number of [1, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      expect(parseFileName(basename(manifestFileName("d", number)))).toEqual({ kind: "manifest", number });
      expect(parseFileName(basename(logFileName("d", number)))).toEqual({ kind: "log", number });
      expect(parseFileName(basename(tableFileName("d", number)))).toEqual({ kind: "table", number });
      expect(parseFileName(basename(spareFileName("d", number)))).toEqual({ kind: "spare", number });
      expect(parseFileName(basename(temporaryFileName("d", number)))).toEqual({ kind: "temporary", number });
    }
  });

  test.each([
    "",
    "current",
    "MANIFEST",
    "MANIFEST-",
    "MANIFEST-1",
    "MANIFEST-000000",
    "MANIFEST-0000001",
    "12.log",
    "000012.LOG",
    "000012.log~",
    "x000012.log",
    "0000012.sst",
    "-00012.sst",
    "9007199254740992.sst",
    "000012.txt",
    ".DS_Store",
    "lost+found",
  ])("%j is not ours", (name) => {
    expect(parseFileName(name)).toBeUndefined();
  });
});
