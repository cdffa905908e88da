import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isKvtsError, open } from "./index.ts";
import { systemError } from "./testing/file-call.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

test.each([
  ["", {}, 'the directory of a store is a path such as "./data", not ""'],
  [undefined, {}, "not undefined"],
  ["./nowhere", { durabilty: "sync" }, 'open has no option "durabilty"; it may have durability, keys'],
  ["./nowhere", { durability: "none" }, 'durability is "sync" or "buffered", not "none"'],
  ["./nowhere", "bytes", "the options of open are an object with durability, keys"],
])("open(%j, %j) is refused before anything is made", async (directory, options, sentence) => {
  const error: unknown = await open(directory as string, options as object).catch((failure: unknown) => failure);
  expect(isKvtsError(error) && [error.code, error.message]).toEqual([
    "INVALID_ARGUMENT",
    expect.stringContaining(sentence),
  ]);
});

describe("a path that cannot be used is refused in one sentence", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kvts-open-"));
    writeFileSync(join(folder, "file"), "mine");
    symlinkSync(join(folder, "circle"), join(folder, "circle"));
    symlinkSync(join(folder, "gone", "away"), join(folder, "dangling"));
    mkdirSync(join(folder, "odd", "CURRENT"), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["a file", "file", "is a file, or leads through one; name a directory"],
    ["a way through a file", "file/store", "is a file, or leads through one; name a directory"],
    ["links in a circle", "circle", "leads through links that go in a circle; check the path"],
    ["a link that leads nowhere", "dangling", "cannot be made here, or is a link that leads nowhere; check the path"],
    ["too long a name", "x".repeat(5000), "is longer than this file system allows; name a shorter one"],
    ["a directory under a file's name", "odd", "is a directory where a file belongs; name another directory"],
  ])("%s", async (_, name, sentence) => {
    const path = join(folder, name);
    const before = readdirSync(folder);
    await expect(open(path)).rejects.toMatchObject({
      name: "KvtsError",
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(new RegExp(`^${path}.* ${sentence}$`)),
      details: { directory: path },
    });
    expect(readdirSync(folder)).toEqual(before);
  });

  test.each([
    ["EACCES", "list", "INVALID_ARGUMENT", "d may not be read and written by this user; change its permissions, or"],
    ["EACCES", "lock", "INVALID_ARGUMENT", "d/LOCK may not be read and written by this user; change its permissions"],
    ["EROFS", "lock", "INVALID_ARGUMENT", "d/LOCK is on a read-only file system; name a directory on one that"],
    ["EROFS", "makeDirectory", "INVALID_ARGUMENT", "d is on a read-only file system; name a directory on one that"],
    [
      "EPERM",
      "create",
      "INVALID_ARGUMENT",
      " may not be changed by this user; change its permissions, or name another",
    ],
    ["EMFILE", "create", "UNAVAILABLE", " cannot be opened because this process has too many open files; raise the"],
  ] as const)("%s of %s", async (code, call, expected, sentence) => {
    const fileSystem = new MemoryFileSystem();
    fileSystem[call] = (path: string) => {
      throw systemError(code, { kind: "open", path });
    };
    await expect(open("d", { components: { fileSystem } })).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(sentence),
      cause: { code },
    });
  });
});
