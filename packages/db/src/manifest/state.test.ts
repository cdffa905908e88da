import { isKvtsError, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { manifestFileName } from "../format/filenames.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { openPlainStore } from "../testing/plain-store.ts";
import type { TestStore } from "../testing/test-store.ts";
import { loadManifest } from "./state.ts";

const KEYS = 10;

async function write(store: TestStore): Promise<void> {
  for (let i = 0; i < KEYS; i++) {
    await store.submit([{ op: "put", key: utf8(`key ${i}`), value: utf8("value") }]);
    if (i % 4 === 3) await store.db.flush();
  }
}

/** What opening finds where the manifest has only its first `length` bytes. */
async function outcomeOfCut(store: TestStore, fs: MemoryFileSystem, path: string, length: number): Promise<string> {
  const after = fs.crash(() => true);
  after.replace(path, fs.contents(path).subarray(0, length));
  try {
    await store.open(after);
  } catch (error) {
    return isKvtsError(error, "CORRUPTION") && error.details.file === path ? "damaged" : String(error);
  }
  const keys = await store.db.scan().toArray();
  await store.close();
  return `${keys.length} keys`;
}

test("a first manifest that lost its end, back to where it named no log, is not taken for an empty store's", async () => {
  const fs = new MemoryFileSystem();
  const store = await openPlainStore({}, { fileSystem: fs });
  await write(store);
  await store.close();
  const path = manifestFileName("d", loadManifest(fs, "d")!.manifestNumber);
  const outcomes = new Set<string>();
  for (let length = fs.contents(path).length; length > 0; length--) {
    const outcome = await outcomeOfCut(store, fs, path, length);
    // Later manifests name logs and tables that are missing by now, and then those are found to be.
    outcomes.add(outcome.includes("is missing") ? "damaged" : outcome);
  }
  expect([...outcomes].sort()).toEqual([`${KEYS} keys`, "damaged"]);
});
