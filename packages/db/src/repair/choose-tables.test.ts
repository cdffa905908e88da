import { describe, expect, test } from "vitest";
import { PROVENANCE } from "../testing/table-writer.ts";
import { chooseTables, type FoundTable, type TableChoice } from "./choose-tables.ts";

interface Written {
  readonly inputs?: readonly number[];
  readonly first?: number;
  readonly isLast?: boolean;
  readonly obsolete?: readonly number[];
  readonly ingestSeq?: number;
  readonly nextSeq?: number;
}

/** A table alone in its merge, unless it says otherwise. */
function table(
  number: number,
  { inputs = [], first = number, isLast = true, obsolete = [], ingestSeq, nextSeq = 1 }: Written = {},
): FoundTable {
  const provenance = { ...PROVENANCE, inputs, firstOutput: first, isLastOutput: isLast, obsolete, nextSeq };
  return { number, provenance, ingestSeq, isSound: true };
}

const damaged = (found: FoundTable): FoundTable => ({ ...found, isSound: false });
const unreadable = (number: number): FoundTable => ({ number, provenance: undefined, isSound: false });

describe("of the tables in a directory", () => {
  test.each<[string, FoundTable[], Record<number, TableChoice>]>([
    ["flushed ones count", [table(1), table(2)], { 1: "use", 2: "use" }],
    [
      "those that a whole merge was made from do not",
      [table(1), table(2), table(3, { inputs: [1, 2] })],
      { 1: "replaced", 2: "replaced", 3: "use" },
    ],
    [
      "inputs count while a sister is missing, and the others do not",
      [table(1), table(2), table(3, { inputs: [1, 2], isLast: false })],
      { 1: "use", 2: "use", 3: "unfinished" },
    ],
    [
      "inputs count while the first sister is missing",
      [table(1), table(4, { inputs: [1], first: 3 })],
      { 1: "use", 4: "unfinished" },
    ],
    [
      "inputs do not count once all sisters are there",
      [table(1), table(3, { inputs: [1], first: 3, isLast: false }), table(4, { inputs: [1], first: 3 })],
      { 1: "replaced", 3: "use", 4: "use" },
    ],
    [
      "a damaged sister is not there",
      [table(1), table(3, { inputs: [1], first: 3, isLast: false }), damaged(table(4, { inputs: [1], first: 3 }))],
      { 1: "use", 3: "unfinished", 4: "unfinished" },
    ],
    [
      "sisters count, damaged or not, where what they were made from is gone",
      [
        table(2),
        table(3, { inputs: [1, 2], first: 3, isLast: false }),
        damaged(table(4, { inputs: [1, 2], first: 3 })),
      ],
      { 2: "use", 3: "use", 4: "use" },
    ],
    [
      "a sister of another merge does not complete this one",
      [table(1), table(3, { inputs: [1], first: 3, isLast: false }), table(4, { inputs: [2] })],
      { 1: "use", 3: "unfinished", 4: "use" },
    ],
    [
      "inputs that outlast even their merge's outputs do not count",
      // 3 and 4 were made from 1 and 2; 4 was merged on into 5 while something still read 1 and 2.
      [
        table(1),
        table(2),
        table(3, { inputs: [1, 2], first: 3, isLast: false }),
        table(5, { inputs: [4], obsolete: [1, 2] }),
      ],
      { 1: "replaced", 2: "replaced", 3: "use", 5: "use" },
    ],
    [
      "what a damaged table calls obsolete is so",
      [table(1), damaged(table(5, { inputs: [4], obsolete: [1] }))],
      { 1: "replaced", 5: "use" },
    ],
    [
      "merges in a row replace each other",
      [table(1), table(2, { inputs: [1] }), table(3, { inputs: [2] })],
      { 1: "replaced", 2: "replaced", 3: "use" },
    ],
    [
      "a merge that was tried again counts once",
      [table(1), table(2, { inputs: [1], isLast: false }), table(9, { inputs: [1] })],
      { 1: "replaced", 2: "unfinished", 9: "use" },
    ],
    [
      "an ingest counts once all of it is there",
      [table(1), table(3, { first: 3, isLast: false, ingestSeq: 8 }), table(4, { first: 3, ingestSeq: 9 })],
      { 1: "use", 3: "use", 4: "use" },
    ],
    [
      "half an ingest does not count",
      [table(3, { first: 3, isLast: false, ingestSeq: 9 }), unreadable(4), table(7, { first: 6, ingestSeq: 12 })],
      { 3: "partial", 4: "use", 7: "partial" },
    ],
    [
      "an ingest counts in part where others of its tables have been merged",
      [
        table(3, { first: 3, isLast: false, ingestSeq: 9 }),
        table(5, { first: 3, ingestSeq: 9 }),
        table(8, { inputs: [4] }),
      ],
      { 3: "use", 5: "use", 8: "use" },
    ],
    [
      "what is left of an ingest counts where a later table knows its seqs",
      [table(3, { first: 3, isLast: false, ingestSeq: 9 }), table(8, { nextSeq: 10 })],
      { 3: "use", 8: "use" },
    ],
    [
      "unreadable ones may be replaced",
      [unreadable(1), unreadable(2), table(3, { inputs: [1] })],
      { 1: "replaced", 2: "use", 3: "use" },
    ],
  ])("%s", (_what, found, expected) => {
    expect(Object.fromEntries(chooseTables(found))).toEqual(expected);
  });
});
