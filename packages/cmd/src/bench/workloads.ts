import type { Operation } from "@kvts/common";
import { type CommandError, failed } from "../failure.ts";
import type { ByteStore } from "../target/use-store.ts";
import { type Dataset, keyPrefix, mix } from "./dataset.ts";
import type { Workload } from "./run-workload.ts";

/** What a workload needs. */
export interface Setting {
  readonly store: ByteStore;
  readonly data: Dataset;
  readonly concurrency: number;
  /** Entries in one write of `fill`. */
  readonly batch: number;
}

const scanKeys = 100;
/** Keys that each worker of `mixed` has to itself. */
const mixedKeysPerWorker = 1_000;

/** In the order in which they run by default. */
export const workloadNames = ["fill", "readrandom", "readasof", "history", "scan", "mixed", "verify"] as const;
export type WorkloadName = (typeof workloadNames)[number];

export const workloads: Readonly<Record<WorkloadName, (setting: Setting) => Workload>> = {
  fill,
  readrandom,
  readasof,
  history,
  scan,
  mixed,
  verify,
};

/** Writes everything, in random order. */
function fill({ store, data, batch }: Setting): Workload {
  return {
    name: "fill",
    operation: `write of ${batch}`,
    operations: Math.ceil(data.entries / batch),
    run: async (place) => {
      const operations: Operation[] = [];
      for (let at = place * batch; at < Math.min(data.entries, (place + 1) * batch); at++) {
        const { index, version } = data.shuffled(at);
        const timestamp = data.timestamp(index, version);
        operations.push({ op: "put", key: data.key(index), value: data.value(index, version), timestamp });
      }
      await store.write(operations);
      return operations.length;
    },
  };
}

/** Gets the newest version of random keys. */
function readrandom({ store, data }: Setting): Workload {
  return {
    name: "readrandom",
    operation: "get",
    run: async (place) => {
      const index = mix(place) % data.keys;
      const found = await store.get(data.key(index));
      if (!data.matches(found, index, data.versions - 1)) throw wrongAnswer(`get ${data.key(index)}`);
      return 1;
    },
  };
}

/** Gets random keys as of random moments. */
function readasof({ store, data }: Setting): Workload {
  return {
    name: "readasof",
    operation: "get as of",
    run: async (place) => {
      const index = mix(place) % data.keys;
      const asOf = data.moment(mix(place + 0x5bd1e995) / 2 ** 32);
      const found = await store.get(data.key(index), { asOf });
      if (!data.matches(found, index, data.versionAt(index, asOf)))
        throw wrongAnswer(`get ${data.key(index)} as of ${asOf}`);
      return 1;
    },
  };
}

/** Lists every version of random keys. */
function history({ store, data }: Setting): Workload {
  return {
    name: "history",
    operation: `history of ${data.versions}`,
    run: (place) => checkHistory(store, data, mix(place) % data.keys),
  };
}

/** Scans 100 keys from random ones on. */
function scan({ store, data }: Setting): Workload {
  const limit = Math.min(scanKeys, data.keys);
  return {
    name: "scan",
    operation: `scan of ${limit}`,
    run: async (place) => {
      const first = mix(place) % (data.keys - limit + 1);
      const found = await store.scan({ start: data.key(first) }, { limit }).toArray();
      const right =
        found.length === limit && found.every((entry, at) => data.matches(entry, first + at, data.versions - 1));
      if (!right) throw wrongAnswer(`scan of ${limit} keys from ${data.key(first)}`);
      return limit;
    },
  };
}

/** Half puts, half gets, one at a time: each worker reads what it wrote itself. */
function mixed({ store, data, concurrency }: Setting): Workload {
  const written = new Int32Array(concurrency * mixedKeysPerWorker).fill(-1);
  return {
    name: "mixed",
    operation: "put or get",
    run: async (place, worker) => {
      const slot = worker * mixedKeysPerWorker + (mix(place) % mixedKeysPerWorker);
      const key = `${keyPrefix}mixed:${slot}`;
      const last = written[slot]!;
      if (place % 2 === 0 || last < 0) {
        await store.put(key, data.value(slot, last + 1));
        written[slot] = last + 1;
        return 1;
      }
      const found = await store.get(key);
      const expected = Buffer.from(data.value(slot, last));
      if (found === undefined || !expected.equals(found.value)) throw wrongAnswer(`get ${key} after its put`);
      return 1;
    },
  };
}

/** Reads back every version of every key. */
function verify({ store, data }: Setting): Workload {
  return {
    name: "verify",
    operation: `history of ${data.versions}`,
    operations: data.keys,
    run: (place) => checkHistory(store, data, place),
  };
}

async function checkHistory(store: ByteStore, data: Dataset, index: number): Promise<number> {
  const found = await store.history(data.key(index)).toArray();
  const newest = data.versions - 1;
  const right =
    found.length === data.versions && found.every((version, at) => data.matches(version, index, newest - at));
  if (!right) throw wrongAnswer(`history of ${data.key(index)}`);
  return found.length;
}

function wrongAnswer(what: string): CommandError {
  return failed(
    `wrong answer: ${what} is not what was written; give the --keys, --versions and --value-bytes that were filled, and report it if they are the same`,
  );
}
