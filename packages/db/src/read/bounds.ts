import { HIGH_WORD_MAX, highWord, LOW_WORD_MAX, lowWord } from "../format/version-record.ts";

/** The two axes of a read, in words: timestamps at most `asOf`, seqs at most `seq`. */
export class Bounds {
  /** Microseconds; undefined for the newest version. */
  asOf: number | undefined;
  tsHi = 0;
  tsLo = 0;
  seq = 0;
  seqHi = 0;
  seqLo = 0;

  constructor(asOf: number | undefined, seq: number) {
    this.set(asOf, seq);
  }

  set(asOf: number | undefined, seq: number): this {
    this.asOf = asOf;
    this.tsHi = asOf === undefined ? HIGH_WORD_MAX : highWord(asOf);
    this.tsLo = asOf === undefined ? LOW_WORD_MAX : lowWord(asOf);
    this.seq = seq;
    this.seqHi = highWord(seq);
    this.seqLo = lowWord(seq);
    return this;
  }
}
