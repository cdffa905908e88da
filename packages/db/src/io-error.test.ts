import { expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { systemScheduler } from "./env/scheduler.ts";
import { open } from "./open.ts";
import { FaultFileSystem, MemoryFileSystem } from "./testing/index.ts";

function storeOn(fileSystem: FaultFileSystem): ReturnType<typeof open> {
  const runner = new InlineRunner(fileSystem, systemScheduler);
  return open("/data/store", { components: { fileSystem, runner } });
}

test("a store on a full disk says so when it is opened, loses nothing, and opens once there is room", async () => {
  const fileSystem = new FaultFileSystem(new MemoryFileSystem(), { kinds: new Set(["write"]) });
  const first = await storeOn(fileSystem);
  await first.put("k", "v", { timestamp: 100 });
  await first.close();

  fileSystem.fault = { at: fileSystem.calls + 1, code: "ENOSPC", lasts: true };
  await expect(storeOn(fileSystem)).rejects.toMatchObject({
    code: "NO_SPACE",
    message: expect.stringContaining("make some, and open it again"),
  });

  fileSystem.fault = undefined;
  const second = await storeOn(fileSystem);
  expect(await second.get("k")).toMatchObject({ timestamp: 100 });
  await second.close();
});

test("what else the system says when a store is opened is passed on", async () => {
  const fileSystem = new FaultFileSystem(new MemoryFileSystem(), { fault: { at: 1, code: "EIO", lasts: true } });
  await expect(storeOn(fileSystem)).rejects.toMatchObject({ code: "EIO" });
});
