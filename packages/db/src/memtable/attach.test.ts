import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { assertHolds } from "../testing/memtable-check.ts";
import { memtableOf, type WrittenVersion } from "../testing/memtable-writer.ts";
import { shuffled } from "../testing/shuffle.ts";
import { Arena } from "./arena.ts";
import { Memtable } from "./memtable.ts";

/** Attaches in another thread and holds what it reads there against `written`. */
const READER = `
const { parentPort, workerData } = require("node:worker_threads");
(async () => {
  const { Memtable } = await import(workerData.memtable);
  const { assertHolds } = await import(workerData.check);
  const memtable = Memtable.attach(workerData.transfer);
  assertHolds(memtable, workerData.written);
  parentPort.postMessage({ entries: memtable.entryCount, bytesUsed: memtable.bytesUsed });
})();
`;

function readElsewhere(memtable: Memtable, written: readonly WrittenVersion[]): Promise<unknown> {
  const worker = new Worker(READER, {
    eval: true,
    workerData: {
      memtable: new URL("./memtable.ts", import.meta.url).href,
      check: new URL("../testing/memtable-check.ts", import.meta.url).href,
      transfer: memtable.transfer(),
      written,
    },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

const versions = shuffled(
  Array.from({ length: 4000 }, (_, i) => ({
    key: i < 600 ? "deep" : `key ${i % 700}`,
    timestamp: i * 1000,
    seq: i,
    value: new Uint8Array(i % 1000 === 0 ? 300_000 + i : i % 50).fill(i),
    expiresAt: i % 7 === 0 ? i * 2000 : undefined,
  })),
);

it("a worker reads a frozen memtable in place", async () => {
  const memtable = memtableOf(Arena.allocate(2 * 1024 * 1024), versions);
  const answer = await readElsewhere(memtable, versions);
  expect(answer).toEqual({ entries: memtable.entryCount, bytesUsed: memtable.bytesUsed });
});

it("the worker's reading is held against what was written", async () => {
  const memtable = memtableOf(Arena.allocate(2 * 1024 * 1024), versions);
  await expect(readElsewhere(memtable, versions.slice(1))).rejects.toThrow();
});

it("an attached memtable takes no extents", () => {
  const memtable = memtableOf(Arena.allocate(2 * 1024 * 1024), versions);
  const attached = Memtable.attach(memtable.transfer());
  assertHolds(attached, versions);
  expect(() => attached.allocateExtent(5 * 1024 * 1024)).toThrow(/MT2/);
});
