import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isKvtsError, KvtsError } from "@kvts/common";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadNativePackage } from "./native-package.ts";
import { nodeFileSystem as fs } from "./node-file-system.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kvts-env-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function thrownBy(action: () => unknown): NodeJS.ErrnoException {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error("nothing was thrown");
}

describe("files", () => {
  test("bytes written at positions are read back, synchronously and not", async () => {
    const path = join(directory, "a");
    const file = fs.create(path);
    file.writeSync(Uint8Array.of(1, 2, 3), 0);
    await file.write(Uint8Array.of(9, 9), 5);
    await file.sync();
    expect(file.size()).toBe(7);
    file.close();

    const reader = fs.open(path);
    expect(reader.size).toBe(7);
    const bytes = new Uint8Array(10);
    expect(reader.readSync(bytes, 1, 9, 0)).toBe(7);
    expect([...bytes]).toEqual([0, 1, 2, 3, 0, 0, 9, 9, 0, 0]);
    expect(await reader.read(bytes, 0, 3, 5)).toBe(2);
    expect(await reader.read(bytes, 0, 3, 100)).toBe(0);
    expect([...bytes.subarray(0, 2)]).toEqual([9, 9]);
    reader.close();
  });

  test("an existing file is written without losing what it holds, and truncated", () => {
    const path = join(directory, "a");
    writeFileSync(path, "hello");
    const file = fs.openWritable(path);
    file.writeSync(Buffer.from("J"), 0);
    file.truncate(3);
    file.close();
    expect(readFileSync(path, "utf8")).toBe("Jel");
  });

  test("a file may have two names, and outlives either", async () => {
    const [a, b] = [join(directory, "a"), join(directory, "b")];
    writeFileSync(a, "bytes");
    fs.link(a, b);
    expect(thrownBy(() => fs.link(a, b)).code).toBe("EEXIST");
    await fs.remove(a);
    expect(readFileSync(b, "utf8")).toBe("bytes");
    expect(thrownBy(() => fs.link(a, join(directory, "c"))).code).toBe("ENOENT");
  });

  test("the system's own errors come through", () => {
    const path = join(directory, "a");
    fs.create(path).close();
    expect(thrownBy(() => fs.create(path)).code).toBe("EEXIST");
    expect(thrownBy(() => fs.open(join(directory, "b"))).code).toBe("ENOENT");
    expect(thrownBy(() => fs.openWritable(join(directory, "b"))).code).toBe("ENOENT");
    expect(thrownBy(() => fs.list(path)).code).toBe("ENOTDIR");
  });
});

describe("directories", () => {
  test("that cannot be made say why", () => {
    writeFileSync(join(directory, "file"), "");
    expect(thrownBy(() => fs.makeDirectory(join(directory, "file"))).code).toBe("EEXIST");
    expect(thrownBy(() => fs.makeDirectory(join(directory, "file", "x"))).code).toBe("ENOTDIR");
    // The system's own places take nothing, also from root, and say so in various ways.
    if (process.platform === "linux") {
      for (const place of ["/proc/kvts", "/proc/kvts/x", "/sys/kvts"]) {
        expect(thrownBy(() => fs.makeDirectory(place)).code).toMatch(/^(?:ENOENT|EPERM|EACCES|EROFS)$/);
      }
    }
  });

  test("are made with those above them, listed in order, and synced", async () => {
    const inner = join(directory, "x", "y");
    fs.makeDirectory(inner);
    fs.makeDirectory(inner);
    for (const name of ["b", "a", "c"]) fs.create(join(inner, name)).close();
    fs.rename(join(inner, "c"), join(inner, "a"));
    await fs.remove(join(inner, "never was"));
    await fs.syncDirectory(inner);
    expect(fs.list(inner)).toEqual(["a", "b"]);
    await fs.remove(join(inner, "a"));
    expect(fs.exists(join(inner, "a"))).toBe(false);
    expect(fs.exists(join(inner, "b"))).toBe(true);
    expect(fs.list(join(directory, "absent"))).toEqual([]);
  });
});

describe("lock", () => {
  test("a second one is refused with the holder's pid, also in this process, until the first is released", () => {
    const path = join(directory, "LOCK");
    const lock = fs.lock(path);
    const error = thrownBy(() => fs.lock(path));
    expect(error).toBeInstanceOf(KvtsError);
    expect(error).toMatchObject({ code: "LOCKED", details: { file: path, pid: process.pid } });
    lock.release();
    lock.release();
    fs.lock(path).release();
    expect(statSync(path).isFile()).toBe(true);
  });

  test("ends with its process, however that ends", async () => {
    const path = join(directory, "LOCK");
    writeFileSync(path, "12345678901234\n");
    const script = `
      const { nodeFileSystem } = await import(${JSON.stringify(new URL("./node-file-system.ts", import.meta.url).href)});
      nodeFileSystem.lock(${JSON.stringify(path)});
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    try {
      await once(child.stdout, "data");
      const error = thrownBy(() => fs.lock(path));
      expect(error).toMatchObject({ code: "LOCKED", details: { pid: child.pid } });
      expect(error.message).toContain(`process ${child.pid}`);
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    fs.lock(path).release();
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  });
});

test("a missing native package is one sentence with platform and remedy", () => {
  const error = thrownBy(() => loadNativePackage("kvts-no-such-package"));
  expect(isKvtsError(error, "UNIMPLEMENTED")).toBe(true);
  expect(error.message).toContain(`${process.platform}-${process.arch}`);
  expect(error.message).toContain("npm install kvts-no-such-package");
});
