import { type Change, makeChange as changeOf, type Entry, type Key } from "@kvts/common";
import { type Incomplete, isIncomplete, type Pending } from "./found-version.ts";

/** A change whose values may yet have to be read, one after the other. */
export function makeChange<K extends Key>(
  key: K,
  before: Entry<K> | Incomplete<Entry<K>> | undefined,
  after: Entry<K> | Incomplete<Entry<K>> | undefined,
): Change<K> | Pending<Change<K>> {
  if (before !== undefined && isIncomplete(before)) {
    const { extent, complete } = before;
    return { extent, complete: (value) => makeChange(key, complete(value), after) };
  }
  if (after !== undefined && isIncomplete(after)) {
    const { extent, complete } = after;
    return { extent, complete: (value) => makeChange(key, before, complete(value)) };
  }
  return changeOf(key, before, after);
}
