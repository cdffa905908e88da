import {
  type CallOptions,
  concatBytes,
  type Entries,
  entriesOf,
  isKvtsError,
  limits,
  makeEntries,
  prefixEnd,
  type Range,
  resolveRange,
  type Version,
} from "@kvts/common";
import type { ByteStore } from "../target/use-store.ts";

type ByteVersion = Version<Uint8Array>;

/** Every key of a range that has a version, as its visible one; goes on where a server has let go of the place. */
export function resumingKeys(store: ByteStore, range: Range, { signal }: CallOptions): Entries<ByteVersion> {
  const { start, end } = resolveRange(range);
  return resuming((last) => {
    const from = last === undefined ? start : keyAfter(last.key);
    if (from === undefined) return entriesOf([]);
    return store.scan({ start: from, end }, { includeDeleted: true, signal });
  });
}

/** Every version of a key, oldest first; goes on where a server has let go of the place. */
export function resumingHistory(store: ByteStore, key: Uint8Array, { signal }: CallOptions): Entries<ByteVersion> {
  return resuming((last) => {
    if (last?.timestamp === limits.timestampMax) return entriesOf([]);
    const from = last === undefined ? undefined : last.timestamp + 1;
    return store.history(key, { from, reverse: true, signal });
  });
}

/**
 * A server keeps the place of a list for a minute without use, and whoever takes what is read may pause for longer.
 * @param open begins behind `last`, or at the beginning
 */
function resuming<T>(open: (last: T | undefined) => Entries<T>): Entries<T> {
  let entries = open(undefined);
  let last: T | undefined;
  const take = async (count: number): Promise<T[]> => {
    const items = await entries.nextv(count);
    last = items.at(-1) ?? last;
    return items;
  };
  const pull = async (count: number): Promise<T[]> => {
    try {
      return await take(count);
    } catch (error) {
      if (!isKvtsError(error, "CURSOR_EXPIRED")) throw error;
      entries = open(last);
      return await take(count);
    }
  };
  return makeEntries({ pull, close: () => entries.close() });
}

const zero = Uint8Array.of(0);

/** The least key above `key`; `undefined` where there is none. No key goes on where one of the greatest length ends. */
function keyAfter(key: Uint8Array): Uint8Array | undefined {
  return key.length < limits.keyBytesMax ? concatBytes([key, zero]) : prefixEnd(key);
}
