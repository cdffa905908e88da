import { joinWords } from "../format/version-record.ts";
import type { RequestRecord } from "./request-record.ts";
import { RECORD_AT, RECORD_ID, RECORD_SEQ, RECORD_WORDS, readRecord, writeRecord } from "./request-record.ts";

const CAPACITY_FIRST = 1024;
/** Buckets for each record there is room for. A power of two, as the capacity is. */
const BUCKETS_PER_RECORD = 2;

/**
 * Request ids and their answers, oldest first, in a ring of flat records: 44 bytes each and 8 of buckets, no objects.
 * Grows up to `countMax`, then forgets the oldest for each that comes.
 */
export class RequestTable {
  readonly #countMax: number;
  #capacity: number = CAPACITY_FIRST;
  #records: Int32Array<ArrayBuffer> = new Int32Array(CAPACITY_FIRST * RECORD_WORDS);
  /** The next record of the same bucket plus one, newest first; 0 at the end. */
  #next: Int32Array = new Int32Array(CAPACITY_FIRST);
  #buckets: Int32Array = new Int32Array(CAPACITY_FIRST * BUCKETS_PER_RECORD);
  /** How many have ever been forgotten: the number of the oldest one that is there. */
  #first = 0;
  #count = 0;

  /** @param countMax rounded up to a power of two, at least 1024. */
  constructor(countMax: number) {
    this.#countMax = 2 ** Math.ceil(Math.log2(Math.max(countMax, CAPACITY_FIRST)));
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes in use, whatever they hold. */
  get bytes(): number {
    return this.#records.byteLength + this.#next.byteLength + this.#buckets.byteLength;
  }

  /** Records have numbers that only grow, from {@link first} up to this one. */
  get end(): number {
    return this.#first + this.#count;
  }

  get first(): number {
    return this.#first;
  }

  /** The newest record of an id. */
  find(idHigh: number, idLow: number): RequestRecord | undefined {
    const records = this.#records;
    for (let slot = this.#buckets[this.#bucketOf(idHigh)]!; slot !== 0; slot = this.#next[slot - 1]!) {
      const word = (slot - 1) * RECORD_WORDS;
      if (records[word + RECORD_ID] === idHigh && records[word + RECORD_ID + 1] === idLow) {
        return readRecord(records, word);
      }
    }
    return undefined;
  }

  add(record: RequestRecord): void {
    if (this.#count === this.#capacity) {
      if (this.#capacity < this.#countMax) this.#grow();
      else this.#forgetOldest();
    }
    const slot = this.end & (this.#capacity - 1);
    writeRecord(this.#records, slot * RECORD_WORDS, record);
    this.#link(slot);
    this.#count++;
  }

  /** Forgets the oldest ones as long as their moment is before `moment`, microseconds. */
  forgetBefore(moment: number): void {
    while (this.#count > 0) {
      const at = this.#wordOf(this.#first) + RECORD_AT;
      if (joinWords(this.#records[at]!, this.#records[at + 1]!) >= moment) return;
      this.#forgetOldest();
    }
  }

  seqOf(number: number): number {
    const at = this.#wordOf(number) + RECORD_SEQ;
    return joinWords(this.#records[at]!, this.#records[at + 1]!);
  }

  record(number: number): RequestRecord {
    return readRecord(this.#records, this.#wordOf(number));
  }

  /** A copy of the records from number `from` up to `to`. */
  copy(from: number, to: number): Int32Array<ArrayBuffer> {
    const copied = new Int32Array((to - from) * RECORD_WORDS);
    for (let number = from; number < to; number++) {
      const word = this.#wordOf(number);
      copied.set(this.#records.subarray(word, word + RECORD_WORDS), (number - from) * RECORD_WORDS);
    }
    return copied;
  }

  #wordOf(number: number): number {
    return (number & (this.#capacity - 1)) * RECORD_WORDS;
  }

  #bucketOf(idHigh: number): number {
    return idHigh & (this.#capacity * BUCKETS_PER_RECORD - 1);
  }

  #link(slot: number): void {
    const bucket = this.#bucketOf(this.#records[slot * RECORD_WORDS + RECORD_ID]!);
    this.#next[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot + 1;
  }

  #forgetOldest(): void {
    const slot = this.#first & (this.#capacity - 1);
    const bucket = this.#bucketOf(this.#records[slot * RECORD_WORDS + RECORD_ID]!);
    // The oldest stands at the end of its bucket's list.
    let before = this.#buckets[bucket]!;
    if (before === slot + 1) this.#buckets[bucket] = 0;
    else {
      while (this.#next[before - 1] !== slot + 1) before = this.#next[before - 1]!;
      this.#next[before - 1] = 0;
    }
    this.#first++;
    this.#count--;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    const records = new Int32Array(capacity * RECORD_WORDS);
    for (let number = this.#first; number < this.end; number++) {
      const word = this.#wordOf(number);
      records.set(this.#records.subarray(word, word + RECORD_WORDS), (number & (capacity - 1)) * RECORD_WORDS);
    }
    this.#capacity = capacity;
    this.#records = records;
    this.#next = new Int32Array(capacity);
    this.#buckets = new Int32Array(capacity * BUCKETS_PER_RECORD);
    for (let number = this.#first; number < this.end; number++) this.#link(number & (capacity - 1));
  }
}
