import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { nodeFileSystem } from "./env/node-file-system.ts";
import { open } from "./open.ts";
import { GOLDEN_NOW, writeGoldenDirectory } from "./testing/golden-directory.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { modelContents, storeContents } from "./testing/store-contents.ts";
import { TestStore } from "./testing/test-store.ts";

// The directory stays as it is: a store that was written with format version 1 has to open for ever.
const FIXTURE = fileURLToPath(new URL("../fixtures/store-v1", import.meta.url));

function goldenDirectory(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("d");
  for (const name of readdirSync(FIXTURE)) {
    fileSystem.replace(`d/${name}`, new Uint8Array(readFileSync(join(FIXTURE, name))));
  }
  return fileSystem;
}

function storeOn(fileSystem: MemoryFileSystem): TestStore {
  const settings = { keys: "bytes", memtableBytes: 256 * 1024, blockCacheBytes: 64 * 1024, tuning: {} } as const;
  return new TestStore({ settings, fileSystem, clock: new ManualClock(GOLDEN_NOW) });
}

describe("a store directory of format version 1, left by a killed process", () => {
  test("reads back whole: tables, logs and what its manifest says", async () => {
    const written = await writeGoldenDirectory();
    const store = storeOn(goldenDirectory());
    await store.open();
    expect(store.db.recovery).toMatchObject({ created: false, clean: false, operations: 5, setAside: [] });
    expect(await storeContents(store.db)).toEqual(modelContents(written.store.model));
    const { tables, seqFloor } = await store.db.stats();
    expect(seqFloor).toBe((await written.store.db.stats()).seqFloor);
    expect((tables as { levels: { tables: number }[] }).levels.map((level) => level.tables).slice(0, 3)).toEqual([
      1, 1, 0,
    ]);
    await store.close();
    await written.store.close();
  });

  test("takes writes, merges and restarts", async () => {
    const store = storeOn(goldenDirectory());
    await store.open();
    const before = await storeContents(store.db);
    const { lastSeq } = await store.submit([{ op: "put", key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
    expect(lastSeq).toBeGreaterThan(1_000_000);
    await store.db.compact();
    await store.close();
    await store.open();
    expect((await storeContents(store.db)).slice(1)).toEqual(before);
    await store.close();
  });

  test("is read from a disk too", async () => {
    const directory = mkdtempSync(join(tmpdir(), "kvts-golden-"));
    try {
      cpSync(FIXTURE, directory, { recursive: true });
      await using db = await open(directory, { components: { fileSystem: nodeFileSystem } });
      expect((await db.get("a"))?.text()).toBe("value1");
      expect((await db.get("a", { asOf: 99 }))?.text()).toBe("backdated");
      expect((await db.get("long"))?.value.length).toBe(22_000);
      expect((await db.get("twice"))?.text()).toBe("second");
      expect([await db.get("b"), await db.get("é"), await db.get("withdrawn")]).toEqual(Array(3).fill(undefined));
      expect((await db.scan().toArray()).map(({ key }) => key)).toEqual(["a", "group", "long", "twice", "z"]);
      expect(await db.history("group").toArray()).toHaveLength(41);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
