import type { Change, Entry, Key } from "./store.ts";

/** What became of a key of which an entry was, or is, there. */
export function makeChange<K extends Key>(
  key: K,
  before: Entry<K> | undefined,
  after: Entry<K> | undefined,
): Change<K> {
  if (before === undefined) return { key, kind: "added", after: after! };
  return after === undefined ? { key, kind: "removed", before } : { key, kind: "changed", before, after };
}
