import { expect, test } from "vitest";
import { MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, shareMemory } from "./memory-shares.ts";

const MIB = 1024 * 1024;

test("the default budget has the shares that the docs give", () => {
  expect(shareMemory(MEMORY_BYTES_DEFAULT)).toEqual({
    memtableBytes: 32 * MIB,
    blockCacheBytes: 132 * MIB,
    indexBytes: 24 * MIB,
    workerBytes: 24 * MIB,
    inFlightBytes: 12 * MIB,
  });
});

test.each([MEMORY_BYTES_MIN, MEMORY_BYTES_MIN + 1, 50_000_001, 128 * MIB, 300 * MIB + 3, 1024 * MIB, 64 * 1024 * MIB])(
  "a budget of %d bytes is divided, and no more",
  (memoryBytes) => {
    const { memtableBytes, ...others } = shareMemory(memoryBytes);
    const sum = 2 * memtableBytes + Object.values(others).reduce((total, bytes) => total + bytes, 0);
    expect(sum).toBe(memoryBytes);
    expect(memtableBytes % 8).toBe(0);
    expect(memtableBytes).toBeGreaterThanOrEqual(4 * MIB);
    expect(others.blockCacheBytes).toBeGreaterThanOrEqual(4 * MIB);
    for (const bytes of Object.values(others)) expect(Number.isSafeInteger(bytes)).toBe(true);
  },
);

test("most of a large budget holds blocks", () => {
  expect(shareMemory(1024 * MIB).blockCacheBytes).toBeGreaterThan(0.75 * 1024 * MIB);
});
