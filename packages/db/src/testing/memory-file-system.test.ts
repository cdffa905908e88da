import { describe, expect, test } from "vitest";
import type { FileCall } from "./file-call.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import { Random } from "./random.ts";

const always = () => true;
const never = () => false;

function withDirectory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory("d");
  return fs;
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("files and names", () => {
  test("behave as on a disk", async () => {
    const fs = withDirectory();
    const file = fs.create("d/a");
    file.writeSync(Uint8Array.of(1, 2, 3), 2);
    await file.write(Uint8Array.of(7), 0);
    expect(file.size()).toBe(5);
    expect([...fs.contents("d/a")]).toEqual([7, 0, 1, 2, 3]);
    file.truncate(3);
    file.truncate(4);
    file.close();
    const reader = fs.open("d/a");
    const into = filled(6, 9);
    expect(reader.size).toBe(4);
    expect(await reader.read(into, 1, 5, 1)).toBe(3);
    expect([...into]).toEqual([9, 0, 1, 0, 9, 9]);
    fs.rename("d/a", "d/b");
    expect(fs.list("d")).toEqual(["b"]);
    fs.makeDirectory("d/lost/deep");
    expect(fs.list("d")).toEqual(["b", "lost"]);
    await fs.remove("d/b");
    await fs.remove("d/b");
    expect(reader.readSync(into, 0, 1, 2)).toBe(1);
    expect(fs.exists("d/b")).toBe(false);
  });

  test("fail with the system's codes", () => {
    const fs = withDirectory();
    fs.create("d/a").close();
    expect(thrownBy(() => fs.create("d/a"))).toMatchObject({ code: "EEXIST" });
    expect(thrownBy(() => fs.create("e/a"))).toMatchObject({ code: "ENOENT" });
    expect(thrownBy(() => fs.open("d/b"))).toMatchObject({ code: "ENOENT" });
    expect(thrownBy(() => fs.rename("d/b", "d/c"))).toMatchObject({ code: "ENOENT" });
    expect(thrownBy(() => fs.link("d/b", "d/c"))).toMatchObject({ code: "ENOENT" });
    expect(thrownBy(() => fs.link("d/a", "e/c"))).toMatchObject({ code: "ENOENT" });
    expect(thrownBy(() => fs.link("d/a", "d/a"))).toMatchObject({ code: "EEXIST" });
    const file = fs.openWritable("d/a");
    file.close();
    expect(thrownBy(() => file.writeSync(Uint8Array.of(1), 0))).toMatchObject({ code: "EBADF" });
  });

  test("a lock is held once", () => {
    const fs = withDirectory();
    const lock = fs.lock("d/LOCK");
    expect(thrownBy(() => fs.lock("d/LOCK"))).toMatchObject({ code: "LOCKED" });
    lock.release();
    fs.lock("d/LOCK").release();
  });
});

describe("a power cut", () => {
  test("keeps what was synced, and of the rest what the coin says, sector by sector", async () => {
    const fs = withDirectory();
    const file = fs.create("d/a");
    file.writeSync(filled(1024, 1), 0);
    await file.sync();
    await fs.syncDirectory("d");
    file.writeSync(filled(1024, 2), 256);
    expect([...fs.crash(never).contents("d/a")]).toEqual([...filled(1024, 1)]);
    expect([...fs.crash(always).contents("d/a")]).toEqual([...filled(256, 1), ...filled(1024, 2)]);
    const sectors = new Set<string>();
    for (let seed = 0; seed < 64; seed++) {
      const after = fs.crash(new Random(seed).coin(0.5)).contents("d/a");
      sectors.add([after.length, after[300], after[600], after[1100]].join());
    }
    // Size, first, second and third sector, each old or new; the third is there only in the new size.
    expect([...sectors].sort()).toEqual(
      ["1024,1,1,", "1024,1,2,", "1024,2,1,", "1024,2,2,"]
        .concat(["1280,1,1,0", "1280,1,2,0", "1280,2,1,0", "1280,2,2,0"])
        .concat(["1280,1,1,2", "1280,1,2,2", "1280,2,1,2", "1280,2,2,2"])
        .sort(),
    );
  });

  test("a synced file without a synced name is gone", async () => {
    const fs = withDirectory();
    const file = fs.create("d/a");
    file.writeSync(filled(3, 1), 0);
    await file.sync();
    expect(fs.crash(never).exists("d/a")).toBe(false);
    expect(fs.crash(always).contents("d/a")).toHaveLength(3);
  });

  test("a rename happens or does not, and never loses the file", async () => {
    const fs = withDirectory();
    fs.replace("d/a", filled(1, 1));
    fs.replace("d/b", filled(1, 2));
    fs.rename("d/a", "d/b");
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 64; seed++) {
      const after = fs.crash(new Random(seed).coin(0.5));
      outcomes.add(after.list("d").join("") + after.contents("d/b")[0]);
    }
    expect([...outcomes].sort()).toEqual(["ab1", "ab2", "b1"]);
    await fs.syncDirectory("d");
    expect(fs.crash(never).list("d")).toEqual(["b"]);
  });

  test("a second name is there once its directory is synced, and outlives the first", async () => {
    const fs = withDirectory();
    fs.makeDirectory("e");
    fs.replace("d/a", filled(1, 1));
    fs.link("d/a", "e/b");
    expect(fs.crash(never).list("e")).toEqual([]);
    await fs.syncDirectory("e");
    await fs.remove("d/a");
    await fs.syncDirectory("d");
    expect([...fs.crash(never).contents("e/b")]).toEqual([1]);
  });

  test("finds one file under both of its names", () => {
    const fs = withDirectory();
    fs.replace("d/a", filled(1, 1));
    fs.link("d/a", "d/b");
    const after = fs.crash(always);
    after.openWritable("d/b").writeSync(Uint8Array.of(9), 0);
    expect([...after.contents("d/a")]).toEqual([9]);
    expect([...fs.contents("d/a")]).toEqual([1]);
  });

  test("a removed name comes back unless the directory was synced", async () => {
    const fs = withDirectory();
    fs.replace("d/a", filled(1, 1));
    await fs.remove("d/a");
    expect(fs.crash(never).exists("d/a")).toBe(true);
    await fs.syncDirectory("d");
    expect(fs.crash(never).exists("d/a")).toBe(false);
  });

  test("a sync covers what was written before it began", async () => {
    const fs = withDirectory();
    fs.replace("d/a", filled(4, 0));
    const file = fs.openWritable("d/a");
    file.writeSync(Uint8Array.of(1), 0);
    const sync = file.sync();
    file.writeSync(Uint8Array.of(2), 1);
    await sync;
    expect([...fs.crash(never).contents("d/a")]).toEqual([1, 0, 0, 0]);
    await file.sync();
    expect([...fs.crash(never).contents("d/a")]).toEqual([1, 2, 0, 0]);
  });

  test("is the same for the same seed, and leaves the file system itself alone", () => {
    const fs = withDirectory();
    fs.replace("d/a", filled(4096, 1));
    fs.openWritable("d/a").writeSync(filled(4096, 2), 0);
    const cut = (seed: number) => [...fs.crash(new Random(seed).coin(0.5)).contents("d/a")];
    expect(cut(1)).toEqual(cut(1));
    expect(cut(1)).not.toEqual(cut(2));
    expect([...fs.contents("d/a")]).toEqual([...filled(4096, 2)]);
  });

  test("a failed sync puts bytes in doubt that no later sync writes", async () => {
    const fs = withDirectory();
    fs.replace("d/a", filled(1024, 1));
    const file = fs.openWritable("d/a");
    file.writeSync(filled(1024, 2), 0);
    let calls = 0;
    fs.loseUnsynced("d/a", () => calls++ === 0);
    await file.sync();
    expect([...fs.contents("d/a")]).toEqual([...filled(1024, 2)]);
    expect([...fs.crash(always).contents("d/a")]).toEqual([...filled(512, 2), ...filled(512, 1)]);
  });
});

test("the hook hears of each call that changes or syncs, after it has happened", async () => {
  const fs = withDirectory();
  const heard: string[] = [];
  fs.onCall = (call: FileCall) => heard.push(`${call.kind} ${call.path}`);
  const file = fs.create("d/a");
  file.writeSync(filled(1, 1), 0);
  await file.write(filled(1, 1), 0);
  file.truncate(0);
  await file.sync();
  fs.rename("d/a", "d/b");
  fs.link("d/b", "d/c");
  await fs.syncDirectory("d");
  await fs.remove("d/b");
  file.close();
  expect(heard).toEqual([
    "create d/a",
    "write d/a",
    "write d/a",
    "truncate d/a",
    "sync d/a",
    "rename d/b",
    "link d/c",
    "syncDirectory d",
    "remove d/b",
  ]);
});
