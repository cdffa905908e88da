import { highWord, lowWord, SEQ_HI, SEQ_LO, TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { BLOCK_HEADER_WORDS, KEY_COUNT, SLOT_WORDS, VERSION_COUNT } from "./format.ts";
import type { TableContents } from "./properties.ts";

/**
 * The one timestamp and seq of all versions in a table that was written before they were known: its blocks hold zeros,
 * and its properties, written last, the stamp. Every key in such a table has one version.
 */
export interface Stamp {
  /** Microseconds. */
  readonly timestamp: number;
  readonly seq: number;
}

/** Gives the records of the block that was unpacked at word `word` their timestamp and seq. */
export function stampRecords(i32: Int32Array, word: number, { timestamp, seq }: Stamp): void {
  const tsHi = highWord(timestamp);
  const tsLo = lowWord(timestamp);
  const seqHi = highWord(seq);
  const seqLo = lowWord(seq);
  let at = word + BLOCK_HEADER_WORDS + (i32[word + KEY_COUNT]! + 1) * SLOT_WORDS;
  for (const end = at + i32[word + VERSION_COUNT]! * VERSION_WORDS; at < end; at += VERSION_WORDS) {
    i32[at] = tsHi;
    i32[at + TS_LO] = tsLo;
    i32[at + SEQ_HI] = seqHi;
    i32[at + SEQ_LO] = seqLo;
  }
}

/** What is said of a table's contents once they are stamped. */
export function stampContents(contents: TableContents, { timestamp, seq }: Stamp): TableContents {
  return { ...contents, minTimestamp: timestamp, maxTimestamp: timestamp, minSeq: seq, maxSeq: seq };
}
