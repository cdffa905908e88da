import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { incompleteFileName } from "./format/filenames.ts";
import { type Fault, FaultFileSystem } from "./testing/fault-file-system.ts";
import { differenceAfterOpen, livedInStore, successorOf, writeSome } from "./testing/lived-in-store.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { Random } from "./testing/random.ts";
import { contentsDifference, modelContents, storeContents } from "./testing/store-contents.ts";
import { TestStore } from "./testing/test-store.ts";

const TARGET = "backups/c";

/** The checkpoint, to be opened on a file system, as the store was when it was made. */
function checkpointOf({ clock, batches }: TestStore, fileSystem: MemoryFileSystem | FaultFileSystem): TestStore {
  const settings = { keys: "bytes", memtableBytes: 256 * 1024, blockCacheBytes: 64 * 1024, tuning: {} } as const;
  return new TestStore({ settings, fileSystem, directory: TARGET, clock, batches });
}

/** What is wrong with it, or `undefined` where it is refused as one that was never finished, or is not there. */
async function differenceOf(copy: TestStore): Promise<string[] | undefined> {
  const { fileSystem } = copy;
  if (!fileSystem.list(TARGET).some((name) => name !== "LOCK")) return undefined;
  try {
    await copy.open();
  } catch (error) {
    if (!isKvtsError(error, "INVALID_ARGUMENT")) throw error;
    expect(error.message).toContain(`${TARGET} holds a checkpoint that was never finished; remove the directory`);
    return undefined;
  }
  const difference = contentsDifference(await storeContents(copy.db), modelContents(copy.model));
  await copy.close();
  return difference;
}

describe("a checkpoint that a crash cuts short", () => {
  test.each([1, 0.5, 0])(
    "is whole or no store at all, and the store loses nothing (coin %d)",
    async (share) => {
      const random = new Random(70 + share * 10);
      const store = await livedInStore(random, 1);
      const fs = store.fileSystem as MemoryFileSystem;
      const images: MemoryFileSystem[] = [];
      fs.onCall = () => images.push(fs.crash(share === 1 ? () => true : random.fork().coin(share)));
      await store.db.checkpoint(TARGET);
      fs.onCall = undefined;
      images.push(fs.crash(() => false));
      expect(images.length).toBeGreaterThan(20);
      const outcomes: boolean[] = [];
      for (const image of images) {
        const difference = await differenceOf(checkpointOf(store, image));
        expect(difference ?? []).toEqual([]);
        outcomes.push(difference !== undefined);
        const after = successorOf(store, image);
        expect(await differenceAfterOpen(after, image)).toEqual([]);
        await after.close();
      }
      // The last one, after everything was synced, is there; no image before CURRENT is.
      expect(outcomes.at(-1)).toBe(true);
      expect(outcomes.indexOf(true)).toBeGreaterThan(15);
      await store.close();
    },
    120_000,
  );
});

describe("a checkpoint on a disk that fails", () => {
  test.each<[string, Omit<Fault, "at">]>([
    ["with EIO, at one call", { code: "EIO" }],
    ["with EIO, at one call and all later ones", { code: "EIO", lasts: true, written: 1 }],
    ["with ENOSPC, at one call", { code: "ENOSPC", written: 0.5 }],
    ["with ENOSPC, at one call and all later ones", { code: "ENOSPC", lasts: true }],
  ])(
    "%s, fails with a sentence, leaves nothing or says so, and does no harm to the store",
    async (_, fault) => {
      const memory = new MemoryFileSystem();
      const fileSystem = new FaultFileSystem(memory, { under: TARGET });
      const store = await livedInStore(new Random(7), 1, { fileSystem });
      for (let at = 1; ; at++) {
        fileSystem.calls = 0;
        fileSystem.hits = 0;
        fileSystem.fault = { ...fault, at };
        const error: unknown = await store.db.checkpoint(TARGET).then(
          () => undefined,
          (failure: unknown) => failure,
        );
        fileSystem.fault = undefined;
        if (fileSystem.hits === 0) break;
        if (error !== undefined) expectSentence(error, fault.code);
        const left = memory.list(TARGET).filter((name) => name !== "LOCK");
        if (error !== undefined && left.length > 0) {
          expect(String(error)).toContain(`; remove ${TARGET}, where an unfinished checkpoint is left`);
        }
        // Where only the last sync of all has failed, the mark is gone, and what is left is whole.
        const isFinished = left.length > 0 && !memory.exists(incompleteFileName(TARGET));
        const difference = await differenceOf(checkpointOf(store, memory));
        expect([difference ?? [], difference === undefined]).toEqual([[], !isFinished]);
        if (error === undefined) expect(isFinished).toBe(true);
        for (const name of memory.list(TARGET)) await memory.remove(`${TARGET}/${name}`);
        await writeSome(store, new Random(at), 2);
      }
      expect(contentsDifference(await storeContents(store.db), modelContents(store.model))).toEqual([]);
      expect(await differenceOf(checkpointOf(store, memory))).toEqual([]);
      await store.close();
      expect(memory.openPaths).toEqual([]);
    },
    120_000,
  );
});

function expectSentence(error: unknown, code: string): void {
  if (!isKvtsError(error) || error.code === "INTERNAL") throw error;
  expect(error.code).toBe(code === "ENOSPC" ? "NO_SPACE" : "UNAVAILABLE");
  expect(error.message).toContain(TARGET);
}
