import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { findLeastNumbers } from "./manifest/least-numbers.ts";
import { repair } from "./repair.ts";
import { HeldRunner } from "./testing/held-runner.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { storeContents, versionText } from "./testing/store-contents.ts";
import type { TestOperation, TestStore } from "./testing/test-store.ts";

type Line = readonly [key: string, timestamp: number, value: string | undefined, expiresAt?: number];

function operations(lines: readonly Line[]): TestOperation[] {
  return lines.map(([key, timestamp, value, expiresAt]) =>
    value === undefined
      ? { op: "delete", key: utf8(key), timestamp }
      : { op: "put", key: utf8(key), value: utf8(value), timestamp, ...(expiresAt !== undefined && { expiresAt }) },
  );
}

async function write(store: TestStore, ...lines: readonly Line[]): Promise<void> {
  const { state, error } = await store.submit(operations(lines), false);
  if (state !== "acknowledged") throw error;
}

/** Moves the horizon of a prefix to `horizon`. */
async function cut(store: TestStore, prefix: string, horizon: number): Promise<void> {
  expect(await store.db.setRetention(prefix, store.clock.now() - horizon)).toEqual({ horizon });
}

/** Timestamps and values of a key's history, newest first. */
function history(store: Pick<TestStore["db"], "history">, key: string, options = {}): string[] {
  return [...store.history(key, options)].map(
    (version) => `${version.timestamp} ${version.deleted ? "deleted" : version.text()}`,
  );
}

async function entries(store: TestStore): Promise<number> {
  return ((await store.db.stats()).tables as { entries: number }).entries;
}

const trimmed = (oldestReadable: number) => ({ code: "HISTORY_TRIMMED", details: { oldestReadable } });

describe("versions exactly at the horizon", () => {
  test("are kept, and of those below the newest; before a merge as after it", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a"], ["k", 99, "b"], ["k", 100, "c"], ["k", 101, "d"]);
    await write(store, ["old", 50, "a"], ["old", 60, "b"], ["gone", 50, "a"], ["gone", 99, undefined]);
    await write(store, ["at", 50, "a"], ["at", 100, undefined]);
    await cut(store, "", 100);
    const expectAll = async (): Promise<void> => {
      expect(history(store.db, "k")).toEqual(["101 d", "100 c", "99 b"]);
      expect(history(store.db, "k", { reverse: true })).toEqual(["99 b", "100 c", "101 d"]);
      expect(history(store.db, "k", { from: 50, limit: 2 })).toEqual(["101 d", "100 c"]);
      expect(history(store.db, "old")).toEqual(["60 b"]);
      expect(history(store.db, "gone")).toEqual([]);
      expect(history(store.db, "at")).toEqual(["100 deleted", "50 a"]);
      expect(store.db.getSync("k", { asOf: 100 })?.text()).toBe("c");
      expect(store.db.getSync("old")?.text()).toBe("b");
      expect(store.db.getSync("old", { asOf: 100 })?.text()).toBe("b");
      expect(() => store.db.getSync("k", { asOf: 99 })).toThrow(expect.objectContaining(trimmed(100)));
      await expect(store.db.get("k", { asOf: 99 })).rejects.toMatchObject(trimmed(100));
      await expect(store.db.getMany(["k"], { asOf: 99 })).rejects.toMatchObject(trimmed(100));
      await expect(store.db.scan({}, { asOf: 99 }).toArray()).rejects.toMatchObject(trimmed(100));
      await expect(store.db.history("k", { to: 99 }).toArray()).rejects.toMatchObject(trimmed(100));
      await expect(store.db.diff({}, { from: 99, to: 200 }).toArray()).rejects.toMatchObject(trimmed(100));
      expect((await store.db.diff({}, { from: 100, to: 101 }).toArray()).length).toBe(1);
      const keys = [...store.db.scan({}, { includeDeleted: true })].map(({ key }) => new TextDecoder().decode(key));
      expect(keys).toEqual(["at", "k", "old"]);
    };
    await expectAll();
    await store.db.compact();
    await expectAll();
    expect(await entries(store)).toBe(6);
    await store.close();
    await store.open();
    await expectAll();
    await store.close();
  });

  test("a value that has expired below it is gone with its key", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a", 99], ["at", 50, "a", 100], ["over", 40, "a"], ["over", 50, "b", 60]);
    await cut(store, "", 100);
    for (const when of ["before a merge", "after it"]) {
      expect(history(store.db, "k"), when).toEqual([]);
      expect(history(store.db, "at"), when).toEqual(["50 a"]);
      expect(history(store.db, "over"), when).toEqual([]);
      await store.db.compact();
    }
    expect(await entries(store)).toBe(1);
    await store.close();
  });
});

describe("writes", () => {
  test("just above the horizon are taken and just below it refused; a deleted key stays deleted", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a"], ["k", 80, undefined]);
    await cut(store, "", 100);
    await store.db.compact();
    expect(await entries(store)).toBe(0);
    await expect(store.db.put("k", "x", { timestamp: 99 })).rejects.toMatchObject(trimmed(100));
    await expect(store.db.delete("k", { timestamp: 99 })).rejects.toMatchObject(trimmed(100));
    await expect(store.db.retract("k", 50)).rejects.toMatchObject(trimmed(100));
    const batch = [
      { op: "put", key: "b", value: "1", timestamp: 100 },
      { op: "retract", key: "b", timestamp: 7 },
    ] as const;
    await expect(store.db.write(batch)).rejects.toMatchObject(trimmed(100));
    expect(store.db.getSync("k")).toBeUndefined();
    expect(store.db.getSync("b")).toBeUndefined();
    await write(store, ["k", 100, "new"]);
    expect(history(store.db, "k")).toEqual(["100 new"]);
    await store.close();
  });

  test("that were carried out before are answered again, though they lie below it now", async () => {
    const store = await openPlainStore();
    const first = await store.db.put("k", "a", { timestamp: 50, requestId: "one" });
    await cut(store, "", 100);
    expect(await store.db.put("k", "a", { timestamp: 50, requestId: "one" })).toEqual(first);
    await expect(store.db.put("k", "a", { timestamp: 50, requestId: "two" })).rejects.toMatchObject(trimmed(100));
    await store.close();
  });

  test("without a timestamp get one that is not below it, whatever the clock says", async () => {
    const store = await openPlainStore();
    await store.db.setRetention("", 0);
    const horizon = store.clock.now();
    store.clock.advance(-10_000_000);
    expect((await store.db.put("k", "a")).timestamp).toBe(horizon);
    await store.close();
  });

  test("taken before the horizon moves come before it, whenever that is", async () => {
    const outcomes = new Set<string>();
    for (let turns = 0; turns < 20; turns++) {
      const store = await openPlainStore();
      await write(store, ["k", 80, undefined]);
      const moved = store.db.setRetention("", store.clock.now() - 100);
      const other = write(store, ["other", 200, "x"]);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const late = await store.submit(operations([["k", 90, "late"]]));
      await Promise.all([moved, other]);
      await store.db.compact();
      const isTaken = late.state === "acknowledged";
      outcomes.add(isTaken ? "taken" : (late.error as { code: string }).code);
      expect(history(store.db, "k")).toEqual(isTaken ? ["90 late"] : []);
      await store.close();
    }
    expect([...outcomes].sort()).toEqual(["HISTORY_TRIMMED", "taken"]);
  });
});

describe("a horizon that moves", () => {
  test("during a scan or a history: each goes on as it began", async () => {
    const store = await openPlainStore();
    const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, "0")}`);
    await write(
      store,
      ...keys.flatMap((key): Line[] => [
        [key, 50, "old"],
        [key, 60, undefined],
        [key, 150, "new"],
      ]),
    );
    const scan = store.db.scan({}, { asOf: 55 });
    const past = store.db.history("k000");
    expect((await scan.nextv(10)).map((entry) => entry.text())).toEqual(Array(10).fill("old"));
    expect((await past.nextv(1)).length).toBe(1);
    await cut(store, "", 100);
    await store.db.compact();
    const rest = await scan.toArray();
    expect(rest.map((entry) => entry.text())).toEqual(Array(290).fill("old"));
    expect((await past.toArray()).map(({ timestamp }) => timestamp)).toEqual([60, 50]);
    await expect(store.db.scan({}, { asOf: 55 }).toArray()).rejects.toMatchObject(trimmed(100));
    await store.db.compact();
    expect(await entries(store)).toBe(300);
    await store.close();
  });

  test("while a snapshot is open: it shows what it showed, and what it needs stays", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a"], ["k", 90, "b"], ["gone", 50, "a"], ["gone", 90, undefined]);
    const snapshot = store.db.snapshot();
    await cut(store, "", 100);
    await store.db.compact();
    expect(history(snapshot, "k")).toEqual(["90 b", "50 a"]);
    expect(snapshot.getSync("gone", { asOf: 60 })?.text()).toBe("a");
    expect(history(store.db, "k")).toEqual(["90 b"]);
    await snapshot.close();
    await store.db.compact();
    expect(await entries(store)).toBe(1);
    await store.close();
  });

  test("a snapshot that is opened later goes by the later one", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a"], ["k", 90, "b"]);
    await cut(store, "", 60);
    const snapshot = store.db.snapshot();
    await cut(store, "", 100);
    await store.db.compact();
    expect(snapshot.getSync("k", { asOf: 60 })?.text()).toBe("a");
    expect(() => snapshot.getSync("k", { asOf: 59 })).toThrow(expect.objectContaining(trimmed(60)));
    await snapshot.close();
    await store.close();
  });

  test("an earlier seq shows what it showed, or is refused", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a"]);
    const before = store.db.snapshot();
    await write(store, ["k", 90, "b"]);
    await cut(store, "", 100);
    expect(store.db.snapshot({ seq: before.seq }).getSync("k")?.text()).toBe("a");
    await store.close();
    await store.open();
    await store.db.compact();
    expect(() => store.db.snapshot({ seq: before.seq })).toThrow("no longer kept whole");
    await store.close();
  });

  test("by itself, with the clock, while a policy is in force; and not far behind a clock that jumps", async () => {
    const store = await openPlainStore();
    await store.db.setRetention("", 100_000_000);
    const first = (await store.db.listRetention())[0]!.horizon;
    store.clock.advance(50_000_000);
    for (let turn = 0; turn < 100; turn++) await store.nextTurn();
    const second = (await store.db.listRetention())[0]!.horizon;
    expect(second - first).toBe(50_000_000);
    store.clock.advance(30 * 86_400_000_000);
    for (let turn = 0; turn < 30; turn++) await store.nextTurn();
    expect((await store.db.listRetention())[0]!.horizon).toBe(second);
    await store.close();
  });
});

describe("a retract", () => {
  test("in a table that a merge leaves out keeps what it brings back", async () => {
    const store = await openPlainStore();
    await write(store, ["k", 50, "a"], ["k", 90, "b"]);
    await store.db.flush();
    await store.db.retract("k", 90);
    await cut(store, "", 100);
    expect(history(store.db, "k")).toEqual(["50 a"]);
    await store.db.flush();
    expect(history(store.db, "k")).toEqual(["50 a"]);
    await store.db.compact();
    expect(history(store.db, "k")).toEqual(["50 a"]);
    expect(await entries(store)).toBe(1);
    await store.close();
  });
});

describe("prefixes", () => {
  test("the longest decides, for ever inside a shorter one too; a horizon outlives its policy", async () => {
    const store = await openPlainStore();
    const line = (key: string): Line[] => [
      [key, 50, "a"],
      [key, 60, "b"],
      [key, 150, "c"],
    ];
    await write(store, ...["a", "m:1", "m:x:1", "m:y", "n"].flatMap(line));
    await store.db.setRetention("m:x:", null);
    await cut(store, "m:", 100);
    const shown = (key: string) => history(store.db, key).length;
    expect(["a", "m:1", "m:x:1", "m:y", "n"].map(shown)).toEqual([3, 2, 3, 2, 3]);
    await expect(store.db.scan({}, { asOf: 70 }).toArray()).rejects.toMatchObject(trimmed(100));
    expect((await store.db.scan({ prefix: "m:x:" }, { asOf: 70 }).toArray()).length).toBe(1);
    expect((await store.db.scan({ start: "n" }, { asOf: 70 }).toArray()).length).toBe(1);
    await expect(store.db.scan({ start: "m:x:" }, { asOf: 70 }).toArray()).rejects.toMatchObject(trimmed(100));
    await store.db.compact();
    expect(await entries(store)).toBe(13);
    await store.db.deleteRetention("m:");
    expect(["a", "m:1", "m:x:1"].map(shown)).toEqual([3, 2, 3]);
    await expect(store.db.put("m:1", "x", { timestamp: 99 })).rejects.toMatchObject(trimmed(100));
    expect(await store.db.listRetention()).toEqual([{ prefix: utf8("m:x:"), keepFor: null, horizon: 0 }]);
    await store.db.setRetention("m:", null);
    expect((await store.db.listRetention())[0]).toEqual({ prefix: utf8("m:"), keepFor: null, horizon: 100 });
    await cut(store, "", 120);
    expect((await store.db.listRetention()).map(({ horizon }) => horizon)).toEqual([120, 100, 0]);
    await store.db.deleteRetention("m:x:");
    await store.db.deleteRetention("m:");
    expect(["a", "m:1", "m:x:1"].map(shown)).toEqual([2, 2, 2]);
    expect((await store.db.stats()).retention).toMatchObject({ horizons: [{ prefix: "", timestamp: 120 }] });
    await store.close();
  });

  test("a dry run counts what would go, and changes nothing", async () => {
    const store = await openPlainStore();
    await write(
      store,
      ["m:1", 50, "aaaa"],
      ["m:1", 60, "bb"],
      ["m:1", 150, "c"],
      ["m:2", 50, "a"],
      ["m:2", 60, undefined],
    );
    await write(store, ["n", 50, "a"], ["n", 60, "b"]);
    const dryRun = (horizon: number) => store.db.setRetention("m:", store.clock.now() - horizon, { dryRun: true });
    expect(await dryRun(100)).toEqual({ horizon: 100, trimmed: { versions: 3, bytes: 7 + 4 + 3 } });
    expect(await dryRun(55)).toEqual({ horizon: 55, trimmed: { versions: 0, bytes: 0 } });
    expect(await store.db.listRetention()).toEqual([]);
    expect(history(store.db, "m:1").length).toBe(3);
    await cut(store, "m:", 100);
    expect(await dryRun(100)).toEqual({ horizon: 100, trimmed: { versions: 0, bytes: 0 } });
    expect(await dryRun(160)).toEqual({ horizon: 160, trimmed: { versions: 1, bytes: 5 } });
    await store.close();
  });

  test("bad ones are refused with a sentence", async () => {
    const store = await openPlainStore();
    const { db } = store;
    await expect(db.setRetention("m", "a month")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(db.setRetention("m", -1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(db.setRetention("m".repeat(1025), null)).rejects.toMatchObject({ code: "TOO_LARGE" });
    for (let i = 0; i < 256; i++) await db.setRetention(`p${i}`, null);
    await expect(db.setRetention("one more", null)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await db.setRetention("p7", "1d");
    await store.close();
  });
});

describe("merges by themselves", () => {
  test("bring the space back, a table at a time, and then rest", async () => {
    const picker = { level0Tables: 2, level1BytesMax: 1024 * 1024, levelFactor: 10, pickBytesMax: 1024 * 1024 };
    const store = await openPlainStore({ tuning: { picker, restMs: 0 } });
    for (let part = 0; part < 4; part++) {
      const lines: Line[] = [];
      for (let i = 0; i < 100; i++) {
        for (let time = 0; time < 10; time++) lines.push([`k${i}`, part * 10 + time + 1, "a value of some length"]);
      }
      await write(store, ...lines);
      await store.db.flush();
    }
    await store.db.compact();
    expect(await entries(store)).toBe(4000);
    await cut(store, "", 41);
    for (let turn = 0; turn < 100; turn++) await store.nextTurn();
    expect(await entries(store)).toBe(100);
    const { background } = await store.db.stats();
    expect(background).toMatchObject({ trims: 1 });
    for (let turn = 0; turn < 100; turn++) await store.nextTurn();
    expect((await store.db.stats()).background).toMatchObject({ trims: 1 });
    await store.close();
  });
});

describe("a crash", () => {
  async function filled(fileSystem: MemoryFileSystem): Promise<TestStore> {
    const store = await openPlainStore({}, { fileSystem });
    await write(store, ["k", 50, "a"], ["k", 90, "b"], ["gone", 50, "a"], ["gone", 60, undefined], ["l", 150, "c"]);
    await store.db.flush();
    return store;
  }

  test("between persisting the horizon and dropping what it hides, or anywhere around, leaves one or the other", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await filled(fileSystem);
    const images: MemoryFileSystem[] = [];
    fileSystem.onCall = () => {
      images.push(
        fileSystem.crash(() => true),
        fileSystem.crash(() => false),
      );
    };
    await cut(store, "", 100);
    const returned = images.length;
    await store.db.compact();
    fileSystem.onCall = undefined;
    await store.close();
    expect(images.length).toBeGreaterThan(returned + 3);
    let seen = 0;
    for (const [index, image] of images.entries()) {
      const after = await openPlainStore({}, { fileSystem: image });
      const isCut = history(after.db, "k").length === 1;
      expect(isCut || index < returned, `cut at call ${index} of ${returned}`).toBe(true);
      if (isCut) {
        expect(() => after.db.getSync("k", { asOf: 99 })).toThrow(expect.objectContaining(trimmed(100)));
        await expect(after.db.put("gone", "x", { timestamp: 55 })).rejects.toMatchObject(trimmed(100));
      } else {
        expect(history(after.db, "k")).toEqual(["90 b", "50 a"]);
        seen++;
      }
      await after.db.compact();
      expect(after.db.getSync("gone")).toBeUndefined();
      expect(after.db.getSync("k")?.text()).toBe("b");
      expect((await after.db.verify()).problems).toEqual([]);
      await after.close();
    }
    expect(seen).toBeGreaterThan(0);
  });

  test("replays writes below the horizon, and they stay hidden", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({}, { fileSystem });
    await write(store, ["k", 50, "a"], ["k", 60, "b"]);
    await cut(store, "", 100);
    const after = await openPlainStore({}, { fileSystem: fileSystem.crash(() => true) });
    expect(history(after.db, "k")).toEqual(["60 b"]);
    await after.close();
    await store.close();
  });

  test("a log that is replayed with what a merge has dropped brings no deleted key back", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({}, { fileSystem });
    await write(store, ["gone", 80, undefined]);
    await store.db.flush();
    // One frame that fills more than one memtable: its log has to stay for the second.
    const large = Array.from({ length: 40 }, (_, i): Line => [`x${i}`, 200, "x".repeat(8000)]);
    await write(store, ["gone", 50, "a"], ...large);
    await cut(store, "", 100);
    for (let turn = 0; turn < 200; turn++) await store.nextTurn();
    const after = await openPlainStore({}, { fileSystem: fileSystem.crash(() => true) });
    expect(after.db.getSync("gone")).toBeUndefined();
    await after.close();
    await store.close();
  });

  test("and a repair without a manifest: footers tell the horizons, so nothing dropped comes back", async () => {
    for (const keepsManifest of [false, true]) {
      const fileSystem = new MemoryFileSystem();
      const store = await filled(fileSystem);
      await cut(store, "", 100);
      await store.db.compact();
      await write(store, ["k", 160, "d"]);
      await store.close();
      for (const name of fileSystem.list("d")) {
        if (name === "CURRENT" || (!keepsManifest && name.startsWith("MANIFEST"))) await fileSystem.remove(`d/${name}`);
      }
      await repair("d", { components: { fileSystem } });
      await store.open();
      expect(history(store.db, "k")).toEqual(["160 d", "90 b"]);
      expect(() => store.db.getSync("k", { asOf: 99 })).toThrow(expect.objectContaining(trimmed(100)));
      await expect(store.db.put("gone", "x", { timestamp: 55 })).rejects.toMatchObject(trimmed(100));
      expect((await store.db.listRetention()).length).toBe(keepsManifest ? 1 : 0);
      expect(findLeastNumbers(fileSystem, "d").horizons).toEqual([{ prefix: utf8(""), timestamp: 100 }]);
      await store.close();
    }
  });

  test("and a checkpoint keeps policies and horizons", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await filled(fileSystem);
    await cut(store, "", 100);
    const policies = await store.db.listRetention();
    await store.db.checkpoint("copy");
    const contents = await storeContents(store.db);
    await store.close();
    const copy = await openPlainStore({}, { fileSystem, directory: "copy" });
    expect(await copy.db.listRetention()).toEqual(policies);
    expect(await storeContents(copy.db)).toEqual(contents);
    expect(() => copy.db.getSync("k", { asOf: 99 })).toThrow(expect.objectContaining(trimmed(100)));
    await copy.close();
  });
});

test("a merge that runs while the horizon moves drops by the one that it began with", async () => {
  let runner: HeldRunner | undefined;
  const store = await openPlainStore(
    {},
    { runner: (files, scheduler) => (runner = new HeldRunner(new InlineRunner(files, scheduler))) },
  );
  await write(store, ["k", 50, "a"], ["k", 90, "b"], ["k", 150, "c"]);
  await store.db.flush();
  await cut(store, "", 60);
  runner!.hold();
  const merged = store.db.compact();
  for (let turn = 0; turn < 5; turn++) await store.nextTurn();
  const snapshot = store.db.snapshot();
  await cut(store, "", 160);
  runner!.letGo();
  await merged;
  expect([...snapshot.history("k")].map(versionText).length).toBe(3);
  expect(history(store.db, "k")).toEqual(["150 c"]);
  await snapshot.close();
  await store.close();
});
