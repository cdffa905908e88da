import { compareBytes } from "@kvts/common";

/** What has a least and a greatest key, both in it. */
export interface KeySpan {
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

/** Tables of two adjoining levels that hang together: no key between their ends stands in any other table of the two. */
export interface Stretch<T> {
  readonly upper: readonly T[];
  readonly lower: readonly T[];
}

/** The stretches into which two levels fall, by key; those without a table of the upper level are left out. */
export function stretchesOf<T extends KeySpan>(upper: readonly T[], lower: readonly T[]): Stretch<T>[] {
  const isUpper = new Set(upper);
  const found: { upper: T[]; lower: T[] }[] = [];
  let end: Uint8Array | undefined;
  for (const table of [...upper, ...lower].sort(bySmallest)) {
    if (end === undefined || compareBytes(table.smallest, end) > 0) found.push({ upper: [], lower: [] });
    const stretch = found.at(-1)!;
    (isUpper.has(table) ? stretch.upper : stretch.lower).push(table);
    if (end === undefined || compareBytes(table.largest, end) > 0) end = table.largest;
  }
  return found.filter((stretch) => stretch.upper.length > 0);
}

export function overlaps(a: KeySpan, b: KeySpan): boolean {
  return compareBytes(a.smallest, b.largest) <= 0 && compareBytes(a.largest, b.smallest) >= 0;
}

/** The span of all; there is one at least. */
export function spanOf(tables: readonly KeySpan[]): KeySpan {
  let { smallest, largest } = tables[0]!;
  for (const table of tables) {
    if (compareBytes(table.smallest, smallest) < 0) smallest = table.smallest;
    if (compareBytes(table.largest, largest) > 0) largest = table.largest;
  }
  return { smallest, largest };
}

export function areDisjoint(tables: readonly KeySpan[]): boolean {
  const byKey = [...tables].sort(bySmallest);
  return byKey.every((table, i) => i === 0 || compareBytes(byKey[i - 1]!.largest, table.smallest) < 0);
}

function bySmallest(a: KeySpan, b: KeySpan): number {
  return compareBytes(a.smallest, b.smallest);
}
