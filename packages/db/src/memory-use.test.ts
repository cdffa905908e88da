import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "./open.ts";

interface Use {
  readonly bytes: number;
  readonly bytesMax: number;
}
type Budget = Record<"memtables" | "blocks" | "indexes" | "worker" | "inFlight", Use> & { readonly bytesMax: number };

const MIB = 1024 * 1024;

test("stats tells what each part holds of its share", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kvts-memory-"));
  try {
    await using db = await open(join(directory, "db"), { memoryBytes: 48 * MIB });
    const budget = async (): Promise<Budget> => (await db.stats()).budget as unknown as Budget;
    const { bytesMax, ...empty } = await budget();
    expect(bytesMax).toBe(48 * MIB);
    expect(Object.values(empty).reduce((sum, use) => sum + use.bytesMax, 0)).toBe(48 * MIB);
    expect([empty.blocks.bytes, empty.indexes.bytes, empty.worker.bytes]).toEqual([0, 0, 0]);

    for (let i = 0; i < 1000; i++) await db.put(`key-${i}`, "x".repeat(100));
    expect((await budget()).memtables.bytes).toBeGreaterThan(empty.memtables.bytes + 100_000);
    await db.flush();
    expect(await db.get("key-7")).toBeDefined();
    const used = await budget();
    expect(used.memtables.bytes).toBe(empty.memtables.bytes);
    expect(used.blocks.bytes).toBeGreaterThan(1000);
    expect(used.indexes.bytes).toBeGreaterThan(1000);
    expect(used.worker.bytes).toBeGreaterThan(MIB);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
