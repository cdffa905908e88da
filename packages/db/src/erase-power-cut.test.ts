import { expect, test } from "vitest";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";

test("a power cut while an erasure gives up the old log takes no name from the new one", async () => {
  const store = await openPlainStore();
  const memory = store.fileSystem as MemoryFileSystem;
  await store.db.put("gone", "secret", { timestamp: 1 });
  await store.db.put("kept", "value", { timestamp: 2 });
  // With nothing to flush, no table's sync of the directory puts the new log's name on disk.
  await store.db.flush();
  const images: MemoryFileSystem[] = [];
  memory.onCall = () => images.push(memory.crash(() => false));
  await store.db.erase({ key: "gone" });
  memory.onCall = undefined;
  await store.close();
  expect(images.length).toBeGreaterThan(10);
  for (const [call, image] of images.entries()) {
    const after = await openPlainStore({}, { fileSystem: image });
    expect(after.db.getSync("kept")?.text(), `cut at call ${call}`).toBe("value");
    await after.close();
  }
});
