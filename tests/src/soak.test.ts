import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Store } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { expect, test } from "vitest";
import { checkEverything, checkRecent } from "./soak/check.ts";
import { emptyLedger, type Ledger } from "./soak/ledger.ts";
import { runLoad } from "./soak/load.ts";
import { memoryProblems } from "./soak/memory.ts";
import { batchOf, keyOf } from "./soak/plan.ts";
import type { SoakReport } from "./soak/report.ts";

const program = fileURLToPath(new URL("./soak/soak.ts", import.meta.url));

test("a short soak kills and restarts programs and servers, and finds nothing wrong", {
  timeout: 120_000,
}, async () => {
  const args = [program, "--minutes", "0.15", "--disk-mib", "1", "--seed", "7", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const report = JSON.parse(stdout) as SoakReport;
  expect(report).toMatchObject({ seed: 7, problems: [] });
  expect(report.kills + report.stops).toBeGreaterThanOrEqual(2);
  expect(new Set(report.memory.map(({ kind }) => kind)).size).toBe(2);
  expect(report.batches).toBeGreaterThan(50);
  expect(report.versions).toBeGreaterThan(report.batches);
});

/** A store after a load of some batches a writer, and what is known of it. */
async function loaded(): Promise<{ store: Store; ledger: Ledger }> {
  const store = createModelStore();
  const ledger = emptyLedger({ seed: 3, writers: 5 });
  const stop = new AbortController();
  const acknowledged = (writer: number): void => {
    ledger.states[writer]!.written++;
    if (ledger.states.every(({ written }) => written > 20)) stop.abort();
  };
  await runLoad({ store, signal: stop.signal, began: () => {}, acknowledged }, ledger);
  // What was sent when the load ended is as if the process had been killed.
  for (const state of ledger.states) state.inFlight = true;
  return { store, ledger };
}

test("what a load has written is found", async () => {
  const { store, ledger } = await loaded();
  expect(await checkRecent(store, ledger)).toMatchObject({ problems: [] });
  const { problems, versions } = await checkEverything(store, ledger);
  expect(problems).toEqual([]);
  expect(versions).toBeGreaterThan(100);
});

test("acknowledged batches that are not there are reported, of writers that give timestamps and of those that do not", async () => {
  for (const writer of [0, 1]) {
    const { store, ledger } = await loaded();
    await checkRecent(store, ledger);
    ledger.states[writer]!.written += 2;
    const { problems } = await checkRecent(store, ledger);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain(`of writer ${writer} was acknowledged`);
    expect((await checkEverything(store, ledger)).problems).not.toEqual([]);
  }
});

test("a batch in flight that is there in part is reported", async () => {
  const { store, ledger } = await loaded();
  await checkRecent(store, ledger);
  const state = ledger.states[1]!;
  while (batchOf(ledger, 1, state.written).length < 2) {
    await store.write(batchOf(ledger, 1, state.written).map(asOperation));
    state.written++;
    state.checked++;
  }
  await store.write([asOperation(batchOf(ledger, 1, state.written)[0]!)]);
  state.inFlight = true;
  expect((await checkRecent(store, ledger)).problems[0]).toContain("is there in part");
});

test("a batch in flight that is not there is absent, where a key that it deletes was deleted before too", async () => {
  const { store, ledger } = await loaded();
  const state = ledger.states[0]!;
  await checkRecent(store, ledger);
  const deletesAndPuts = (): boolean => {
    const values = batchOf(ledger, 0, state.written).map(({ value }) => value);
    return values.includes(undefined) && values.some((value) => value !== undefined);
  };
  while (!deletesAndPuts()) {
    await store.write(batchOf(ledger, 0, state.written).map(asOperation));
    state.written++;
  }
  for (const { key } of batchOf(ledger, 0, state.written)) await store.delete(key);
  Object.assign(state, { checked: state.written, newest: (await store.put("clock", "")).timestamp, inFlight: true });
  expect(await checkRecent(store, ledger)).toMatchObject({ problems: [], absent: 1 });
});

test("a value that nobody wrote is reported", async () => {
  const { store, ledger } = await loaded();
  await checkRecent(store, ledger);
  await store.put(keyOf(1, 3), "from elsewhere", { timestamp: 17 });
  expect((await checkEverything(store, ledger)).problems).not.toEqual([]);
});

test("memory that grows is reported, and memory that is flat is not", () => {
  const mib = 1024 * 1024;
  const flat = Array.from({ length: 300 }, (_, i) => (200 + (i % 20)) * mib);
  const growing = Array.from({ length: 300 }, (_, i) => (200 + 2 * i) * mib);
  expect(memoryProblems([{ kind: "a server", samples: flat }])).toEqual([]);
  expect(memoryProblems([{ kind: "a server", samples: growing }])).toHaveLength(1);
  const lives = (peak: (life: number) => number) =>
    Array.from({ length: 30 }, (_, life) => ({ kind: "a server", samples: [peak(life)] }));
  expect(memoryProblems(lives(() => 200 * mib))).toEqual([]);
  expect(memoryProblems(lives((life) => (200 + 20 * life) * mib))).toHaveLength(1);
});

function asOperation({ key, value, timestamp }: ReturnType<typeof batchOf>[number]) {
  return value === undefined
    ? ({ op: "delete", key, timestamp } as const)
    : ({ op: "put", key, value, timestamp } as const);
}
