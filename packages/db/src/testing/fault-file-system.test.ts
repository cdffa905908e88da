import { describe, expect, test } from "vitest";
import type { WritableFile } from "../env/file-system.ts";
import { FaultFileSystem } from "./fault-file-system.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";

const ten = new Uint8Array(10).fill(1);

function memory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory("d");
  return fs;
}

async function outcome(action: () => unknown): Promise<string> {
  try {
    await action();
    return "done";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** One call of each kind that counts, with its outcome. */
async function run(fs: FaultFileSystem): Promise<string[]> {
  let file: WritableFile | undefined;
  const outcomes = [await outcome(() => (file = fs.create("d/a")))];
  file ??= fs.create("d/a");
  const open = file;
  outcomes.push(await outcome(() => open.writeSync(ten, 0)));
  outcomes.push(await outcome(() => open.write(ten, 0)));
  outcomes.push(await outcome(() => open.truncate(5)));
  outcomes.push(await outcome(() => open.sync()));
  outcomes.push(await outcome(() => fs.rename("d/a", "d/b")));
  outcomes.push(await outcome(() => fs.link("d/b", "d/c")));
  outcomes.push(await outcome(() => fs.makeDirectory("d/e")));
  outcomes.push(await outcome(() => fs.syncDirectory("d")));
  outcomes.push(await outcome(() => fs.remove("d/b")));
  return outcomes;
}

describe("a fault", () => {
  test("hits the call it is meant for, and no other", async () => {
    const healthy = new FaultFileSystem(memory());
    expect(await run(healthy)).toEqual(Array(10).fill("done"));
    expect(healthy.calls).toBe(10);
    for (let at = 2; at <= 10; at++) {
      const outcomes = await run(new FaultFileSystem(memory(), { fault: { at, code: "EIO" } }));
      expect(outcomes.map((code) => code === "EIO")).toEqual(outcomes.map((_, index) => index === at - 1));
    }
  });

  test("may last until it is healed", async () => {
    const fs = new FaultFileSystem(memory(), { fault: { at: 2, code: "ENOSPC", lasts: true } });
    expect(await run(fs)).toEqual(["done", ...Array(9).fill("ENOSPC")]);
    fs.fault = undefined;
    expect(await outcome(() => fs.remove("d/a"))).toBe("done");
  });

  test("may leave part of a write behind", async () => {
    for (const [written, bytes] of [
      [0, 0],
      [0.5, 5],
      [1, 10],
    ] as const) {
      const inner = memory();
      const fs = new FaultFileSystem(inner, { fault: { at: 2, code: "ENOSPC", written } });
      const file = fs.create("d/a");
      expect(await outcome(() => file.writeSync(ten, 0))).toBe("ENOSPC");
      expect(inner.contents("d/a")).toHaveLength(bytes);
    }
  });

  test("of a sync lets the bytes be put in doubt", async () => {
    const inner = memory();
    inner.replace("d/a", new Uint8Array(10));
    const fs = new FaultFileSystem(inner, {
      fault: { at: 2, code: "EIO" },
      onFailedSync: (path) => inner.loseUnsynced(path, () => false),
    });
    const file = fs.openWritable("d/a");
    file.writeSync(ten, 0);
    expect(await outcome(() => file.sync())).toBe("EIO");
    expect(await outcome(() => file.sync())).toBe("done");
    expect([...inner.crash(() => true).contents("d/a")]).toEqual([...new Uint8Array(10)]);
  });

  test("can be meant for one directory", async () => {
    const inner = memory();
    inner.makeDirectory("e");
    const fs = new FaultFileSystem(inner, { fault: { at: 1, code: "EIO" }, under: "e/" });
    expect(await outcome(() => fs.create("d/a"))).toBe("done");
    expect(await outcome(() => fs.create("e/a"))).toBe("EIO");
  });

  test("can be meant for reads", async () => {
    const inner = memory();
    inner.replace("d/a", ten);
    const fs = new FaultFileSystem(inner, { fault: { at: 2, code: "EIO" }, kinds: new Set(["open", "read"]) });
    const file = fs.open("d/a");
    expect(await outcome(() => file.read(new Uint8Array(4), 0, 4, 0))).toBe("EIO");
    expect(file.readSync(new Uint8Array(4), 0, 4, 0)).toBe(4);
  });
});
