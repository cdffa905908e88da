import { expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { systemScheduler } from "./env/scheduler.ts";
import { open } from "./open.ts";
import { FaultFileSystem, MemoryFileSystem } from "./testing/index.ts";

function storeOn(fileSystem: FaultFileSystem): ReturnType<typeof open> {
  const runner = new InlineRunner(fileSystem, systemScheduler);
  return open("/data/store", { components: { fileSystem, runner } });
}

test("a killed store on a full disk says so when it is opened, loses nothing, and opens once there is room", async () => {
  const memory = new MemoryFileSystem();
  const first = await storeOn(new FaultFileSystem(memory));
  await first.put("k", "v", { timestamp: 100 });
  const fileSystem = new FaultFileSystem(
    memory.crash(() => true),
    { kinds: new Set(["write"]) },
  );
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

test("a store that was closed in order writes nothing before it is given something", async () => {
  const fileSystem = new FaultFileSystem(new MemoryFileSystem(), {
    kinds: new Set(["create", "write", "sync", "rename"]),
  });
  const first = await storeOn(fileSystem);
  await first.put("k", "v", { timestamp: 100 });
  await first.close();

  const before = fileSystem.calls;
  const second = await storeOn(fileSystem);
  expect(await second.get("k")).toMatchObject({ timestamp: 100 });
  await second.close();
  expect(fileSystem.calls).toBe(before);

  const third = await storeOn(fileSystem);
  await third.put("k", "w", { timestamp: 200 });
  expect(fileSystem.calls).toBeGreaterThan(before);
  await third.close();
  const fourth = await storeOn(fileSystem);
  expect(await fourth.get("k")).toMatchObject({ timestamp: 200 });
  await fourth.close();
});

test("what else the system says when a store is opened is passed on", async () => {
  const fileSystem = new FaultFileSystem(new MemoryFileSystem(), { fault: { at: 1, code: "EIO", lasts: true } });
  await expect(storeOn(fileSystem)).rejects.toMatchObject({ code: "EIO" });
});
