import { setTimeout as delay } from "node:timers/promises";
import { isKvtsError, type Store } from "@kvts/common";
import { type Checked, checkRecent } from "./check.ts";
import type { Ledger, WriterState } from "./ledger.ts";
import { batchOf, isPlanned, keyOf, type Plan, type PlannedOperation } from "./plan.ts";

const READERS = 4;
/** Batches after which the writers pause until all of them have been read again. */
const BATCHES_PER_LOAD_MAX = 40_000;
const COMPACTION_INTERVAL_MS = 5_000;
/** Milliseconds between two tries of a write that was refused, and tries before that counts as a failure. */
const RETRY_MS = 100;
const TRIES_MAX = 100;

export interface LoadHost {
  readonly store: Store;
  /** Ends the load: from then on calls may fail. */
  readonly signal: AbortSignal;
  /** Told before the next batch of a writer goes out, and after it is acknowledged. */
  readonly began: (writer: number) => void;
  readonly acknowledged: (writer: number) => void;
}

/**
 * Loads the store, and now and then reads again what was acknowledged since, until the signal.
 * @param checked told of what a check has shown
 * @throws what no store may answer.
 */
export async function loadAndCheck(host: LoadHost, ledger: Ledger, checked: (result: Checked) => void): Promise<void> {
  while (!host.signal.aborted) {
    await runLoad(host, ledger);
    try {
      if (!host.signal.aborted) checked(await checkRecent(host.store, ledger));
    } catch (error) {
      if (!host.signal.aborted) throw error;
    }
  }
}

/** Writes and reads of all kinds, until the signal, or until much is written. @throws what no store may answer. */
export async function runLoad(host: LoadHost, ledger: Ledger): Promise<void> {
  const left = { batches: BATCHES_PER_LOAD_MAX };
  const over = new AbortController();
  const until = AbortSignal.any([host.signal, over.signal]);
  const readers = Array.from({ length: READERS }, (_, reader) => read(host, until, ledger, reader));
  const others = Promise.all([...readers, compactAtTimes(host, until)]);
  const writers = Promise.all(ledger.states.map((state, writer) => write(host, ledger, writer, state, left)));
  await Promise.race([writers, others]).finally(() => over.abort());
  await Promise.all([writers, others]);
}

async function write(
  host: LoadHost,
  plan: Plan,
  writer: number,
  state: Readonly<WriterState>,
  left: { batches: number },
): Promise<void> {
  for (let number = state.written; !host.signal.aborted; number++) {
    if (left.batches-- <= 0) return;
    const operations = batchOf(plan, writer, number);
    host.began(writer);
    await stubbornly(host, () => send(host.store, operations));
    if (host.signal.aborted) return;
    host.acknowledged(writer);
  }
}

/** A store may have no room or time for a write at the moment, and say so. */
async function stubbornly(host: LoadHost, write: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await write();
      return;
    } catch (error) {
      if (host.signal.aborted) return;
      if (tries === TRIES_MAX || !isKvtsError(error, "UNAVAILABLE") || error.details.indeterminate === true)
        throw error;
      await delay(RETRY_MS);
    }
  }
}

async function send(store: Store, operations: readonly PlannedOperation[]): Promise<void> {
  const [{ key, value, timestamp }] = operations as [PlannedOperation];
  if (operations.length > 1) {
    await store.write(
      operations.map((one) => {
        const { value: text, ...rest } = one;
        return text === undefined ? { op: "delete", ...rest } : { op: "put", ...rest, value: text };
      }),
    );
  } else if (value === undefined) await store.delete(key, { timestamp });
  else await store.put(key, value, { timestamp });
}

/** Reads at random; whatever is found must be something that was written, and where. */
async function read({ store, signal }: LoadHost, until: AbortSignal, ledger: Ledger, reader: number): Promise<void> {
  for (let count = reader; !until.aborted; count += 7) {
    try {
      await readOnce(store, ledger, count);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function readOnce(store: Store, ledger: Ledger, count: number): Promise<void> {
  const writer = count % ledger.writers;
  const key = keyOf(writer, (count * 31) % 400);
  const expectPlanned = (found: string, value: string): void => {
    // The batch in flight may be seen before it is acknowledged here.
    const { written } = ledger.states[Number(value.split("/", 2)[1])] ?? { written: 0 };
    if (!isPlanned(ledger, found, value, written + 2))
      throw new Error(`${found} = ${value.slice(0, 40)}… was never written`);
  };
  switch (count % 5) {
    case 0:
    case 1: {
      const entry = await store.get(key);
      if (entry !== undefined) expectPlanned(entry.key, entry.text());
      return;
    }
    case 2: {
      const entry = await store.get(key, { asOf: 1_000_000 + count });
      if (entry !== undefined) expectPlanned(entry.key, entry.text());
      return;
    }
    case 3:
      for await (const entry of store.scan({ start: key }, { limit: 50 })) expectPlanned(entry.key, entry.text());
      return;
    default:
      for await (const version of store.history(key, { limit: 20 })) {
        if (!version.deleted) expectPlanned(version.key, version.text());
      }
  }
}

/** Whoever has the means merges everything now and then. */
async function compactAtTimes({ store, signal }: LoadHost, until: AbortSignal): Promise<void> {
  const { compact } = store as { compact?: () => Promise<void> };
  while (compact !== undefined && !until.aborted) {
    await delay(COMPACTION_INTERVAL_MS, undefined, { signal: until }).catch(() => {});
    if (until.aborted) return;
    await compact.call(store).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
