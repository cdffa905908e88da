import { describe, expect, test } from "vitest";
import { resolveOptions } from "../options.ts";
import { type FlushBytes, SimulatedLoad } from "../testing/simulated-load.ts";

const MIB = 1024 * 1024;
const { picker, tables } = resolveOptions({}).tuning;
/** A full memtable of 100-byte values as a table, compressed or not: flushes that twenty million entries make. */
const COMPRESSED = { flushes: 130, bytes: 12 * MIB };
const PLAIN = { flushes: 125, bytes: 26 * MIB };
/** Fewer keys than any real load has, so that a simulation takes a second. */
const KEYS = 1000;

interface Load {
  readonly flushes: number;
  readonly bytes: number;
  readonly flushesBehind?: number;
  readonly versionsPerKey?: number;
  /** The share of flush `flush` that key `key` has, on any scale. */
  weight(key: number, flush: number): number;
}

function simulate({ flushes, bytes, flushesBehind = 1, versionsPerKey = 1, weight }: Load): SimulatedLoad {
  const load = new SimulatedLoad({ picker, tableBytesMax: tables.tableBytesMax, flushesBehind });
  for (let flush = 0; flush < flushes; flush++) {
    const weights = new Map<number, number>();
    for (let key = 0; key < KEYS; key++) if (weight(key, flush) > 0) weights.set(key, weight(key, flush));
    const total = [...weights.values()].reduce((sum, one) => sum + one, 0);
    load.flush(
      new Map([...weights].map(([key, one]) => [key, (one / total) * bytes])) satisfies FlushBytes,
      versionsPerKey,
    );
  }
  return load;
}

const everywhere = () => 1;
/** Half of all that is written goes to few keys, which lie anywhere. */
const skewed = (key: number) => 1 / (1 + ((key * 769) % KEYS));
/** One stretch of keys after the other. `shared`: a flush begins with the last key of the one before. */
const ascending = (flushes: number, shared: boolean) => (key: number, flush: number) => {
  const start = Math.floor((flush * KEYS) / flushes);
  const end = Math.floor(((flush + 1) * KEYS) / flushes);
  if (shared && (key === start - 1 || key === end - 1)) return ONE_KEY;
  return key >= start && key < end ? 1 : 0;
};
/** A single key's share beside those that stand for very many. */
const ONE_KEY = 0.01;

describe("bytes written to tables for a byte flushed, at twenty million entries that are kept for ever", () => {
  test.each([
    ["any key in any order, compaction always at rest", { ...COMPRESSED, weight: everywhere }, 8],
    ["the same while compaction is behind", { ...COMPRESSED, flushesBehind: 8, weight: everywhere }, 6.5],
    ["few keys that are written often", { ...COMPRESSED, weight: skewed }, 8],
    ["values that do not compress", { ...PLAIN, weight: everywhere }, 7.5],
    ["the same while compaction is behind", { ...PLAIN, flushesBehind: 4, weight: everywhere }, 7.5],
  ])("%s", (_, load, most) => {
    const { amplification } = simulate(load);
    expect(amplification).toBeLessThan(most);
    // Levels would be no levels otherwise.
    expect(amplification).toBeGreaterThan(2);
  });
});

describe("a load in the order of keys", () => {
  test("is written once, and moves from level to level as it is", () => {
    const load = simulate({ ...COMPRESSED, weight: ascending(COMPRESSED.flushes, false) });
    expect(load.mergedBytes).toBe(0);
    expect(load.levels.map((level) => level.length > 0)).toEqual([true, true, true, true, false, false, false]);
  });

  test("is written once too where a flush begins with the key with which the last one ended", () => {
    const weight = ascending(COMPRESSED.flushes, true);
    const load = simulate({ ...COMPRESSED, versionsPerKey: 10, weight });
    // What the first two flushes share, and then single keys.
    expect(load.mergedBytes).toBeGreaterThan(0);
    expect(load.mergedBytes).toBeLessThan(load.flushedBytes / 50);
    expect(load.tableCount).toBeLessThan(COMPRESSED.flushes * 2.1);
  });
});
