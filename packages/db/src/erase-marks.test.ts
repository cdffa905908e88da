import { utf8 } from "@kvts/common";
import { afterEach, describe, expect, test } from "vitest";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { filesWith } from "./testing/raw-bytes.ts";
import { deletedRanges } from "./testing/store-contents.ts";
import { TestStore } from "./testing/test-store.ts";

const KEY = "person:4711-Zwiebelkuchen";
const SECRET: Uint8Array = utf8("4711-Zwiebel");

const opened: TestStore[] = [];

async function openStore(): Promise<TestStore> {
  const store = await openPlainStore();
  opened.push(store);
  return store;
}

afterEach(async () => {
  for (const store of opened.splice(0)) await store.db.close();
});

function leaks({ fileSystem, directory }: TestStore): string[] {
  return filesWith(fileSystem as MemoryFileSystem, directory, [SECRET]);
}

/** Deleted ranges whose bounds are secret: in files and in the log, around the key, and at either side of it. */
async function deleteRanges({ db }: TestStore): Promise<void> {
  for (const key of ["person:4710", KEY, "person:4712"]) await db.put(key, "v", { timestamp: 10 });
  await db.deleteRange({ start: "person:", end: "person:4711-Zwiebel~" }, { timestamp: 500 });
  await db.deleteRange({ prefix: KEY }, { timestamp: 400 });
  await db.deleteRange({ start: "person:4711-Zwiebel", end: "person:5" }, { timestamp: 300 });
  // What comes after it is less, and has no reason to write those before anew.
  await db.flush();
  await db.deleteRange({ prefix: "person:" }, { timestamp: 50 });
}

/** What is read at each of some keys once something has been written there before all deleted ranges. */
async function backdated({ db }: TestStore): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for (const key of ["person:4710", KEY, "person:4711-Zz", "person:4712", "q"]) {
    await db.put(key, key.slice(-2), { timestamp: 100 });
    found.push((await db.get(key))?.text());
  }
  return found;
}

describe("deleted ranges and an erasure", () => {
  test("it takes effect on both sides of the range, and no bound in it is left", async () => {
    const store = await openStore();
    await deleteRanges(store);
    expect(leaks(store).some((name) => name.endsWith(".marks"))).toBe(true);
    const { db } = store;
    const snapshot = db.snapshot();
    await db.erase({ prefix: "person:4711-" });
    expect(leaks(store)).toEqual([]);
    // One is gone, two are shorter, and one reaches over what is erased.
    expect(await deletedRanges(db)).toBe(3);
    expect([...snapshot.history(KEY)]).toEqual([]);
    snapshot.close();
    expect(await backdated(store)).toEqual([undefined, "en", "Zz", undefined, "q"]);
    expect([...db.history(KEY)].map(({ timestamp }) => timestamp)).toEqual([100, 50]);
    await db.put(KEY, "below all", { timestamp: 49 });
    expect(db.getSync(KEY, { asOf: 99 })).toBeUndefined();
    expect([...db.history("person:4710")].map(({ timestamp }) => timestamp)).toEqual([500, 100, 50, 10]);
    expect([...db.history("person:4712")].map(({ timestamp }) => timestamp)).toEqual([300, 100, 50, 10]);
    expect((await db.verify()).problems).toEqual([]);
    await store.close();
    await store.open();
    expect(await deletedRanges(store.db)).toBe(3);
    expect(await backdated(store)).toEqual([undefined, "en", "Zz", undefined, "q"]);
    expect((await store.db.verify()).problems).toEqual([]);
  });

  test("a range that is deleted after it counts, and one wholly inside leaves nothing", async () => {
    const store = await openStore();
    const { db } = store;
    await db.put(KEY, "v");
    await db.deleteRange({ prefix: KEY }, { timestamp: 400 });
    await db.flush();
    await db.erase({ prefix: "person:" });
    expect([await deletedRanges(db), leaks(store)]).toEqual([0, []]);
    const { fileSystem, directory } = store;
    expect(fileSystem.list(directory).filter((name) => name.endsWith(".marks"))).toEqual([]);
    await db.deleteRange({ prefix: "person:" }, { timestamp: 300 });
    await db.put(KEY, "before", { timestamp: 299 });
    expect(db.getSync(KEY)).toBeUndefined();
    await db.put(KEY, "behind", { timestamp: 301 });
    expect(db.getSync(KEY)?.text()).toBe("behind");
  });

  test.each([1, 0])(
    "are cut from the moment that it hides, whenever a crash comes (coin %d)",
    { timeout: 240_000 },
    async (share) => {
      const random = new Random(71 + share);
      const store = await openStore();
      await deleteRanges(store);
      const { db, directory } = store;
      const fs = store.fileSystem as MemoryFileSystem;
      const images: { fileSystem: MemoryFileSystem; isHidden: boolean }[] = [];
      let isHidden = false;
      fs.onCall = () => {
        images.push({ fileSystem: fs.crash(share === 1 ? () => true : random.fork().coin(share)), isHidden });
      };
      await db.erase(
        { prefix: "person:4711-" },
        {
          onProgress: ({ phase }) => {
            if (phase !== "hiding") isHidden = true;
          },
        },
      );
      fs.onCall = undefined;
      images.push({ fileSystem: fs.crash(() => false), isHidden: true });
      for (const [at, image] of images.entries()) {
        const after = new TestStore({ settings: store.settings, fileSystem: image.fileSystem, clock: store.clock });
        await after.open();
        const isCut = (await deletedRanges(after.db)) === 3 && [...after.db.history(KEY)].length === 0;
        if (image.isHidden) expect([at, isCut]).toEqual([at, true]);
        // With what is left of it: its bytes go first.
        await after.db.erase({ key: "nobody" });
        if (isCut) expect([at, filesWith(image.fileSystem, directory, [SECRET])]).toEqual([at, []]);
        expect([at, ...(await backdated(after))]).toEqual([
          at,
          undefined,
          ...(isCut ? ["en", "Zz"] : [undefined, undefined]),
          undefined,
          "q",
        ]);
        expect([at, (await after.db.verify()).problems]).toEqual([at, []]);
        await after.close();
      }
    },
  );
});
