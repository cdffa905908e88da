import { setTimeout as sleep } from "node:timers/promises";
import { utf8 } from "@kvts/common";
import { expect, test, vi } from "vitest";
import type { CompactionRunner } from "./compaction/job.ts";
import { InlineRunner } from "./compaction/runner.ts";
import type { WritableFile } from "./env/file-system.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { OpenWritable } from "./testing/memory-handles.ts";
import { openPlainStore } from "./testing/plain-store.ts";

test("closing waits for a ceiling on its way into the manifest, though nothing can be flushed", async () => {
  const fileSystem = new MemoryFileSystem();
  const sync = OpenWritable.prototype.sync;
  const clock = new ManualClock(1_700_000_000_000_000);
  let broken = false;
  const runner = (...args: ConstructorParameters<typeof InlineRunner>): CompactionRunner => {
    const inline = new InlineRunner(...args);
    return {
      run: (job) => (broken ? Promise.reject(new Error("EIO")) : inline.run(job)),
      close: () => inline.close(),
    };
  };
  const store = await openPlainStore({}, { fileSystem, clock, runner });
  await store.submit([{ op: "put", key: utf8("k"), value: utf8("v") }]);
  await store.db.flush();
  broken = true;
  // More than half of what is reserved: the next stretch is, while nobody waits for it.
  clock.advance(600_000);
  const slow = vi.spyOn(OpenWritable.prototype, "sync").mockImplementation(async function (this: WritableFile) {
    if (this.path.includes("MANIFEST-")) await sleep(20);
    return sync.call(this);
  });
  await store.submit([{ op: "put", key: utf8("k"), value: utf8("w") }]);
  await store.close();
  slow.mockRestore();
  expect(fileSystem.openPaths).toEqual([]);
});
