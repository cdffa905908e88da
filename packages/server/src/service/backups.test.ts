import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostedStore, KvtsError } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { overridden } from "../testing/waiting-store.ts";
import { type BackupPart, createBackups } from "./backups.ts";
import { checkpointFolder } from "./checkpoint-folder.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kvts-backups-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const table = Uint8Array.from({ length: 600_000 }, (_, at) => at % 251);
const counts = { tables: 1, linkedBytes: 0, copiedBytes: 9, operations: 0, logBytes: 0, elapsedMs: 1 };

/** A store whose checkpoints have three files, and LOCK. */
function storeOfFiles(fails?: KvtsError): HostedStore<Uint8Array> {
  return overridden(createModelStore(), {
    async checkpoint(path) {
      mkdirSync(path, { recursive: true });
      for (const name of ["CURRENT", "000001.sst", "LOCK", "MANIFEST-000002"]) {
        writeFileSync(join(path, name), name === "000001.sst" ? table : name);
      }
      if (fails !== undefined) throw fails;
      return { directory: path, incarnation: "ab", seq: 7, ...counts };
    },
  }).with({ keys: "bytes" });
}

const never = new AbortController().signal;

test("every file comes whole, CURRENT last, and nothing of it stays", async () => {
  const backups = createBackups(storeOfFiles(), checkpointFolder(directory));
  const files: [string, Buffer][] = [];
  let end: BackupPart | undefined;
  for await (const part of backups.backup(never)) {
    expect(end).toBeUndefined();
    if (part.kind === "file") files.push([part.name, Buffer.alloc(0)]);
    else if (part.kind === "data") files.at(-1)![1] = Buffer.concat([files.at(-1)![1], part.data]);
    else end = part;
  }
  expect(files.map(([name]) => name)).toEqual(["000001.sst", "MANIFEST-000002", "CURRENT"]);
  expect(files[0]![1].equals(table)).toBe(true);
  expect(files[2]![1].toString()).toBe("CURRENT");
  expect(end).toEqual({ kind: "end", files: 3, bytes: 600_000 + 15 + 7, seq: 7, incarnation: "ab" });
  expect(readdirSync(directory)).toEqual([]);
});

test("one that is left, or given up, or cannot be made leaves nothing", async () => {
  const folder = checkpointFolder(directory);
  const backups = createBackups(storeOfFiles(), folder);
  for await (const part of backups.backup(never)) {
    if (part.kind === "data") break;
    expect(readdirSync(directory)).toHaveLength(1);
    expect(await folder.names()).toEqual([]);
  }
  const leaving = new AbortController();
  const read = async (): Promise<void> => {
    for await (const part of backups.backup(leaving.signal)) if (part.kind === "data") leaving.abort();
  };
  await expect(read()).rejects.toMatchObject({ code: "CANCELLED" });
  const full = createBackups(storeOfFiles(new KvtsError("NO_SPACE", "the disk is full; make room")), folder);
  await expect(full.backup(never).next()).rejects.toMatchObject({ code: "NO_SPACE" });
  expect(readdirSync(directory)).toEqual([]);
});

test("four at a time, and none without a directory or a store on disk", async () => {
  const backups = createBackups(storeOfFiles(), checkpointFolder(directory));
  const underWay = Array.from({ length: 4 }, () => backups.backup(never));
  for (const each of underWay) await each.next();
  await expect(backups.backup(never).next()).rejects.toMatchObject({ code: "OVERLOADED", details: { limit: 4 } });
  await underWay[0]!.return(undefined);
  const next = backups.backup(never);
  expect((await next.next()).value).toMatchObject({ kind: "file" });
  for (const each of [...underWay, next]) await each.return(undefined);
  expect(readdirSync(directory)).toEqual([]);
  const unimplemented = { code: "UNIMPLEMENTED" };
  const nowhere = createBackups(storeOfFiles(), checkpointFolder(undefined));
  await expect(nowhere.backup(never).next()).rejects.toMatchObject(unimplemented);
  const inMemory = createBackups(createModelStore().with({ keys: "bytes" }), checkpointFolder(directory));
  await expect(inMemory.backup(never).next()).rejects.toMatchObject(unimplemented);
});
