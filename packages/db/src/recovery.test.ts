import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { FaultFileSystem } from "./testing/fault-file-system.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import type { TestStore } from "./testing/test-store.ts";

async function put(store: TestStore, key: string): Promise<void> {
  await store.submit([{ op: "put", key: utf8(key), value: utf8("value") }]);
}

function tablesOf(fileSystem: MemoryFileSystem): string[] {
  return fileSystem.list("d").filter((name) => name.endsWith(".sst"));
}

describe("an opened store", () => {
  test("removes tables that it found, once a merge has replaced them", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({}, { fileSystem });
    for (const key of ["a", "b", "c"]) {
      await put(store, key);
      await store.db.flush();
    }
    await store.close();
    const before = tablesOf(fileSystem);
    await store.open();
    expect(tablesOf(fileSystem)).toEqual(before);
    await store.db.compact();
    await store.close();
    expect(tablesOf(fileSystem)).toHaveLength(1);
    expect(before).not.toContain(tablesOf(fileSystem)[0]);
    expect(fileSystem.openPaths).toEqual([]);
  });

  test("tells what opening found", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({}, { fileSystem });
    expect(store.db.recovery).toMatchObject({ created: true, clean: true, logs: 0, operations: 0, setAside: [] });
    await put(store, "a");
    await put(store, "b");
    const killed = fileSystem.crash(() => true);
    await store.close();
    await store.open();
    expect(store.db.recovery).toMatchObject({ created: false, clean: true, operations: 0 });
    await store.close();
    const after = await openPlainStore({}, { fileSystem: killed });
    expect(after.db.recovery).toMatchObject({ created: false, clean: false, logs: 1, operations: 2 });
    await after.close();
  });
});

describe("a new store", () => {
  test("has its directory's name on disk, and those of the directories made for it", async () => {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory("/data");
    const synced: string[] = [];
    fileSystem.onCall = ({ kind, path }) => {
      if (kind === "syncDirectory" && !synced.includes(path)) synced.push(path);
    };
    const store = await openPlainStore({}, { fileSystem, directory: "/data/a/b/store" });
    expect(synced).toEqual(["/data", "/data/a", "/data/a/b", "/data/a/b/store"]);
    await store.close();
    synced.length = 0;
    await store.open();
    expect(synced).not.toContain("/data/a/b");
    await store.close();
  });
});

describe("a store that fails to open", () => {
  test("leaves no file open and nothing locked, wherever it fails", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({}, { fileSystem });
    await put(store, "a");
    await store.db.flush();
    await put(store, "b");
    const killed = fileSystem.crash(() => true);
    await store.close();
    let failures = 0;
    for (let at = 1; ; at++) {
      const memory = killed.crash(() => true);
      const kinds = new Set(["open", "read", "create", "write", "sync", "rename", "remove", "syncDirectory"] as const);
      const faulty = new FaultFileSystem(memory, { fault: { at, code: "EIO" }, kinds });
      const opened = await openPlainStore({}, { fileSystem: faulty }).catch(() => undefined);
      if (opened === undefined) {
        failures++;
        expect(memory.openPaths).toEqual([]);
        memory.lock("d/LOCK").release();
      } else {
        faulty.fault = undefined;
        await opened.close();
        if (faulty.hits === 0) break;
      }
    }
    expect(failures).toBeGreaterThan(20);
  });
});
