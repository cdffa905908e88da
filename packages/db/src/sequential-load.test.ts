import { utf8 } from "@kvts/common";
import { afterEach, expect, test } from "vitest";
import { openPlainStore } from "./testing/plain-store.ts";
import type { TestStore } from "./testing/test-store.ts";

const MIB = 1024 * 1024;
const VALUE = new Uint8Array(400);
const BATCH = 200;

let store: TestStore;
afterEach(() => store.close());

/** Loads about 24 MiB in keys that ascend, with so many versions of each, through levels that are small. */
async function load(versionsPerKey: number): Promise<void> {
  const picker = { level0Tables: 2, level1BytesMax: 4 * MIB, levelFactor: 2, pickBytesMax: 64 * MIB };
  store = await openPlainStore({
    memtableBytes: 2 * MIB,
    durability: "buffered",
    stallTimeoutMs: 3_600_000,
    tuning: { logSegmentBytes: 4 * MIB, tables: { tableBytesMax: MIB, compression: "none" }, picker },
  });
  for (let from = 0; from < 50_000; from += BATCH) {
    const places = Array.from({ length: BATCH }, (_, at) => from + at);
    await store.db.write(
      places.map((place) => ({
        op: "put",
        key: utf8(`key${String(Math.floor(place / versionsPerKey)).padStart(6, "0")}`),
        value: VALUE,
        timestamp: place % versionsPerKey,
      })),
    );
  }
  await store.db.flush();
  for (let turn = 0; turn < 1000; turn++) await store.nextTurn();
}

interface Figures {
  readonly background: Record<string, number>;
  readonly tables: { readonly levels: readonly { readonly tables: number }[] };
}

test("keys in ascending order are written once, and go down as they are", async () => {
  await load(1);
  const { background, tables } = (await store.db.stats()) as unknown as Figures;
  expect(background.compactionWrittenBytes).toBe(0);
  expect(background.moves).toBeGreaterThan(3);
  expect(tables.levels[2]!.tables).toBeGreaterThan(0);
});

test("so are keys that are written with all their versions, though a flush may end within one", async () => {
  await load(7);
  const { background, tables } = (await store.db.stats()) as unknown as Figures;
  // The table in which the first flush ended, and then single keys.
  expect(background.compactionWrittenBytes).toBeLessThan(background.flushedBytes! / 8);
  expect(tables.levels[2]!.tables).toBeGreaterThan(0);
  const history = [...store.db.history(utf8("key000300"))];
  expect(history.map(({ timestamp }) => timestamp)).toEqual([6, 5, 4, 3, 2, 1, 0]);
});
