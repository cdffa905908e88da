import type { Logger } from "@kvts/common";
import { expect, test, vi } from "vitest";
import type { ScrubStats } from "./scrub.ts";
import { livedInStore } from "./testing/lived-in-store.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { SimulatedScheduler } from "./testing/simulated-scheduler.ts";
import { TestStore } from "./testing/test-store.ts";

// Whole stores are written and read, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const HOUR_MS = 3_600_000;

interface Logged {
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A logger that keeps what is logged as an error. */
function errorLog(): { readonly errors: Logged[]; readonly logger: Logger } {
  const errors: Logged[] = [];
  const error = (fields: object, message: string) => void errors.push({ fields: { ...fields }, message });
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error } as unknown as Logger;
  return { errors, logger };
}

/** The same store, closed and opened again with a scrub, on a clock of its own. */
async function scrubbed(bytesPerSecond: number, damage: (fs: MemoryFileSystem) => void = () => {}) {
  const before = await livedInStore(new Random(14));
  await before.close();
  const fs = before.fileSystem as MemoryFileSystem;
  damage(fs);
  const scheduler = new SimulatedScheduler();
  const { errors, logger } = errorLog();
  const settings = {
    keys: "bytes",
    memtableBytes: 256 * 1024,
    blockCacheBytes: 64 * 1024,
    scrubBytesPerSecond: bytesPerSecond,
    logger,
    tuning: {},
  } as const;
  const { clock, batches } = before;
  const store = new TestStore({ settings, fileSystem: fs, scheduler, clock, batches });
  await store.open();
  return { store, scheduler, errors, fs };
}

async function scrubOf(store: TestStore): Promise<ScrubStats> {
  return (await store.db.stats()).scrub as unknown as ScrubStats;
}

async function until(store: TestStore, isReached: (stats: ScrubStats) => boolean): Promise<ScrubStats> {
  for (;;) {
    const stats = await scrubOf(store);
    if (isReached(stats)) return stats;
    await store.nextTurn();
  }
}

test("it reads every table, at its rate, and begins anew after an hour", async () => {
  const { store, scheduler, errors } = await scrubbed(20_000);
  const { count, fileBytes } = (await store.db.stats()).tables as { count: number; fileBytes: number };
  const first = await until(store, ({ rounds }) => rounds === 1);
  const firstMs = scheduler.monotonicMs();
  expect(first).toMatchObject({ tables: count, lastRoundAt: store.clock.now(), damagedTables: 0, lastDamage: "" });
  expect(first.bytes).toBeGreaterThanOrEqual(fileBytes);
  expect(firstMs).toBeGreaterThan((first.bytes / 20_000) * 1000 * 0.8);
  expect(firstMs).toBeLessThan((first.bytes / 20_000) * 1000 * 1.2);
  const second = await until(store, ({ rounds }) => rounds === 2);
  expect(second).toMatchObject({ tables: 2 * count, bytes: 2 * first.bytes });
  expect(scheduler.monotonicMs()).toBeGreaterThanOrEqual(HOUR_MS + firstMs - 1000);
  expect(errors).toEqual([]);
  await store.close();
});

test("damage is logged with file and offset, and shows in the figures", async () => {
  let damaged = "";
  const { store, errors } = await scrubbed(1_000_000, (fs) => {
    damaged = `d/${fs.list("d").find((name) => name.endsWith(".sst"))}`;
    const bytes = fs.contents(damaged);
    bytes[20]! ^= 1;
    fs.replace(damaged, bytes);
  });
  const stats = await until(store, ({ rounds }) => rounds === 2);
  expect(stats.damagedTables).toBe(1);
  expect(stats.lastDamage).toMatch(new RegExp(`^${damaged} is damaged at byte 0: `));
  expect(errors).toEqual(
    Array(2).fill({ fields: { file: damaged, offset: 0, problems: 1 }, message: stats.lastDamage }),
  );
  await store.close();
});

test("it follows the tables as they are merged", async () => {
  const { store, errors } = await scrubbed(50_000);
  await until(store, ({ tables }) => tables === 3);
  await store.db.compact();
  const { tables } = await until(store, ({ rounds }) => rounds === 1);
  // Those of the first round that a merge has replaced are not read any more, and those that it wrote come next time.
  const { count } = (await store.db.stats()).tables as { count: number };
  expect(tables).toBeLessThan(10);
  const second = await until(store, ({ rounds }) => rounds === 2);
  expect(second.tables - tables).toBe(count);
  expect(errors).toEqual([]);
  await store.close();
});

test("closing ends it at once, in the middle of a table or between two rounds", async () => {
  const slow = await scrubbed(1);
  await until(slow.store, ({ bytes }) => bytes > 0);
  const before = slow.scheduler.monotonicMs();
  await slow.store.close();
  expect(slow.scheduler.monotonicMs() - before).toBeLessThan(1000);
  expect(slow.fs.openPaths).toEqual([]);
  expect(slow.errors).toEqual([]);

  const { store } = await scrubbed(1_000_000_000);
  await until(store, ({ rounds }) => rounds === 1);
  await store.close();
});

test("without being asked for it reads nothing", async () => {
  const store = await openPlainStore();
  await store.submit([{ op: "put", key: Uint8Array.of(1), value: new Uint8Array(9) }]);
  await store.db.flush();
  for (let turn = 0; turn < 50; turn++) await store.nextTurn();
  expect(await scrubOf(store)).toMatchObject({ bytesPerSecond: 0, tables: 0, bytes: 0, rounds: 0 });
  await store.close();
});
