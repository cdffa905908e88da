import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { type OpenOptions, resolveOptions } from "./options.ts";
import { ManualClock } from "./testing/manual-clock.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function refusal(options: object): string {
  try {
    resolveOptions(options as OpenOptions);
    return "accepted";
  } catch (error) {
    if (!isKvtsError(error, "INVALID_ARGUMENT")) throw error;
    return error.message;
  }
}

describe("options", () => {
  test("that are left out have the values that the docs give", () => {
    expect(resolveOptions({})).toMatchObject({
      keys: "string",
      durability: "sync",
      createIfMissing: true,
      acceptClock: false,
      memoryBytes: 256 * MIB,
      memory: { memtableBytes: 32 * MIB, blockCacheBytes: 132 * MIB, indexBytes: 24 * MIB },
      stallTimeoutMs: 10_000,
      reserveBytes: 64 * MIB,
      tuning: { tables: { compression: "lz4", tableBytesMax: 16 * MIB }, frozenMemtablesMax: 1 },
    });
  });

  test("take the place of the defaults, parts of the machinery one by one", () => {
    const clock = new ManualClock(5);
    const settings = resolveOptions({ compression: "zstd", tuning: { groupBytesMax: 9 }, components: { clock } });
    expect(settings.tuning).toMatchObject({ groupBytesMax: 9, logSegmentBytes: 64 * MIB });
    expect(settings.tuning.tables.compression).toBe("zstd");
    expect(settings.components.clock.now()).toBe(5);
    expect(settings.components.scheduler.monotonicMs()).toBeGreaterThan(0);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each([
    [{ keys: "text" }, 'keys is "string" or "bytes", not "text"'],
    [{ durability: "none" }, 'durability is "sync" or "buffered", not "none"'],
    [{ compression: "gzip" }, 'compression is "lz4" or "none" or "zstd", not "gzip"'],
    [{ memoryBytes: 32 * MIB - 1 }, "memoryBytes is a whole number of at least 33554432, not 33554431"],
    [{ memoryBytes: Number.POSITIVE_INFINITY }, "memoryBytes is a whole number"],
    [{ memtableBytes: 256 * KIB - 1 }, "memtableBytes is a whole number"],
    [{ memtableBytes: 1024 * MIB + 1 }, "memtableBytes is a whole number"],
    [{ memtableBytes: 1e6 + 0.5 }, "memtableBytes is a whole number"],
    [{ memtableBytes: Number.NaN }, "memtableBytes is a whole number"],
    [{ blockCacheBytes: 1 }, "blockCacheBytes is a whole number"],
    [{ stallTimeoutMs: 0 }, "stallTimeoutMs is a whole number"],
  ])("%j is refused", (options, sentence) => {
    expect(refusal(options)).toContain(sentence);
  });

  test("a part's bytes are in place of its share of the budget", () => {
    const { memory, tuning } = resolveOptions({ memoryBytes: 64 * MIB, blockCacheBytes: 5 * MIB });
    expect(memory).toMatchObject({ memtableBytes: 8 * MIB, blockCacheBytes: 5 * MIB });
    expect(tuning.pendingBytesMax).toBe(3 * MIB);
  });

  test("a memtable may have any number of bytes in its range", () => {
    for (const memtableBytes of [256 * KIB, 256 * KIB + 1, 999_999, 1024 * MIB]) {
      const { memory } = resolveOptions({ memtableBytes });
      expect(memory.memtableBytes).toBeGreaterThanOrEqual(memtableBytes);
      expect(memory.memtableBytes).toBeLessThan(memtableBytes + 8);
      expect(memory.memtableBytes % 8).toBe(0);
    }
  });
});
