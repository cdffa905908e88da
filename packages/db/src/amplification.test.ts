import { utf8 } from "@kvts/common";
import { afterEach, describe, expect, test } from "vitest";
import { openPlainStore } from "./testing/plain-store.ts";
import type { TestStore } from "./testing/test-store.ts";

const KEYS = 1000;
const VALUE = new Uint8Array(100);
const KEY_BYTES = 5;
const USER_BYTES = KEYS * (KEY_BYTES + VALUE.length + 8);

interface Figures {
  readonly tables: { readonly fileBytes: number; readonly spaceAmplification: number };
  readonly writes: Record<
    "sinceTimestamp" | "operations" | "userBytes" | "logBytes" | "tableBytes" | "amplification",
    number
  >;
  readonly background: { readonly flushedBytes: number; readonly compactionWrittenBytes: number };
}

let store: TestStore;
afterEach(() => store.close());

async function figures(): Promise<Figures> {
  return (await store.db.stats()) as unknown as Figures;
}

async function writeOnce(timestamp: number): Promise<void> {
  await store.db.write(
    Array.from({ length: KEYS }, (_, at) => ({
      op: "put" as const,
      key: utf8(String(at).padStart(KEY_BYTES, "0")),
      value: VALUE,
      timestamp,
    })),
  );
}

describe("amplification in stats", () => {
  test("counts the log, flushes and merges for what users have written", async () => {
    store = await openPlainStore();
    expect(await figures()).toMatchObject({
      writes: { userBytes: 0, amplification: 0 },
      tables: { spaceAmplification: 0 },
    });
    await writeOnce(1);
    const logged = await figures();
    expect(logged.writes).toMatchObject({ operations: KEYS, userBytes: USER_BYTES, tableBytes: 0 });
    // Every byte is in the log once, with what the log needs for itself.
    expect(logged.writes.logBytes).toBeGreaterThan(USER_BYTES);
    expect(logged.writes.amplification).toBeCloseTo(logged.writes.logBytes / USER_BYTES, 1);

    await store.db.flush();
    await writeOnce(2);
    await store.db.compact();
    const { writes, background, tables } = await figures();
    expect(background.compactionWrittenBytes).toBeGreaterThan(0);
    expect(writes.tableBytes).toBe(background.flushedBytes + background.compactionWrittenBytes);
    expect(writes.amplification).toBeCloseTo((writes.logBytes + writes.tableBytes) / (2 * USER_BYTES), 1);
    expect(tables.spaceAmplification).toBeCloseTo(tables.fileBytes / (2 * USER_BYTES), 1);
  });

  test("is of this opening alone, and says since when", async () => {
    store = await openPlainStore();
    await writeOnce(1);
    await store.close();
    store.clock.advance(1000);
    await store.open();
    const { writes } = await figures();
    expect(writes).toMatchObject({ userBytes: 0, amplification: 0, sinceTimestamp: store.clock.now() });
  });
});
