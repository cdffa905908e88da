import { utf8 } from "@kvts/common";
import { ManualClock } from "./manual-clock.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import { openPlainStore } from "./plain-store.ts";
import type { TestOperation, TestStore } from "./test-store.ts";

/** What the clock said when the golden store was written. */
export const GOLDEN_NOW = 1_700_000_000_000_000;

const put = (key: string, value: string, timestamp: number, more: { expiresAt?: number } = {}): TestOperation => {
  return { op: "put", key: utf8(key), value: utf8(value), timestamp, ...more };
};
const del = (key: string, timestamp: number): TestOperation => ({ op: "delete", key: utf8(key), timestamp });
const retract = (key: string, timestamp: number): TestOperation => ({ op: "retract", key: utf8(key), timestamp });

/** Everything that the golden store was told, batch by batch; `flush` and `compact` stand for themselves. */
export const GOLDEN_STEPS: readonly (readonly TestOperation[] | "flush" | "compact")[] = [
  [put("a", "value1", 100), put("a", "value2", 101)],
  [put("b", "expires", 100, { expiresAt: 200 })],
  [del("b", 150)],
  Array.from({ length: 40 }, (_, i) => put("group", `version ${i} `.repeat(20), 1000 + i)),
  "flush",
  [put("long", "long value ".repeat(2000), 7)],
  [put("a", "replaced", 101)],
  [put("withdrawn", "never mind", 5)],
  [retract("withdrawn", 5)],
  "compact",
  [put("a", "backdated", 50), put("é", "a key in UTF-8", 1)],
  [retract("a", 101)],
  "flush",
  [put("group", "the first of all", 0)],
  [put("twice", "first", 9), put("twice", "second", 9)],
  [del("é", 2), put("z", "", 2 ** 53 - 1)],
];

/** A store in memory that was told all of it, and is open: packages/db/fixtures/store-v1 is one whose process was killed. */
export async function writeGoldenDirectory(): Promise<{ store: TestStore; fileSystem: MemoryFileSystem }> {
  const fileSystem = new MemoryFileSystem();
  const store = await openPlainStore({ compression: "lz4" }, { fileSystem, clock: new ManualClock(GOLDEN_NOW) });
  for (const step of GOLDEN_STEPS) {
    if (step === "flush" || step === "compact") await store.db[step]();
    else await store.submit(step);
  }
  return { store, fileSystem };
}
