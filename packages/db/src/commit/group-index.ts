import { Buffer } from "node:buffer";
import { KeyBuffer } from "../format/key-buffer.ts";
import {
  joinWords,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_MASK,
  KIND_RETRACT,
  META_EXPIRES,
  NUMBER_MAX,
} from "../format/version-record.ts";
import { RangeMarks } from "../marks/range-marks.ts";
import type { GroupEncoder } from "../wal/group-encoder.ts";
import { markAt } from "../wal/mark-at.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";

/** An operation of a group that is not published yet. */
export interface UnpublishedVersion {
  readonly timestamp: number;
  readonly seq: number;
  readonly isTombstone: boolean;
  readonly isRetract: boolean;
  /** Microseconds; undefined where it does not expire. */
  readonly expiresAt: number | undefined;
}

const CURSOR = new OperationCursor();
const KEY = new KeyBuffer();

/** What keys are told apart by here. */
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

/**
 * A group's operations by key, and those on ranges. Only conditional writes look into it, so it is built for them alone, each time from where
 * it ended the last time.
 */
export class GroupIndex {
  /** Ascending by (timestamp, seq). */
  readonly #byKey: Map<string, UnpublishedVersion[]> = new Map();
  #marks = new RangeMarks();
  #operations = 0;
  #word = 0;

  /** Takes up what has come since the last time. No batch is open. */
  extend(encoder: GroupEncoder, firstSeq: number): void {
    const { i32, u8, endWord, operationCount, file, payloadOffset } = encoder;
    if (operationCount === this.#operations) return;
    const firstWord = this.#word === 0 ? encoder.firstWord : this.#word;
    const rest = operationCount - this.#operations;
    const part = { i32, u8, endWord, file, payloadOffset, firstWord, operationCount: rest };
    CURSOR.open({ ...part, firstSeq: firstSeq + this.#operations });
    while (CURSOR.next()) this.#add(CURSOR);
    this.#word = endWord;
    this.#operations = operationCount;
  }

  /**
   * The newest operation on a key, not above `asOf` where that is given.
   * @param text {@link keyText} of the key
   */
  newest(key: Uint8Array, text: string, asOf: number = NUMBER_MAX): UnpublishedVersion | undefined {
    const own = this.#byKey.get(text)?.findLast(({ timestamp }) => timestamp <= asOf);
    if (this.#marks.count === 0) return own;
    KEY.setBytes(key);
    if (!this.#marks.findNewest(KEY, asOf, NUMBER_MAX, own?.timestamp)) return own;
    const { timestamp, seq } = this.#marks;
    if (own !== undefined && timestamp === own.timestamp && seq < own.seq) return own;
    return { timestamp, seq, isTombstone: true, isRetract: false, expiresAt: undefined };
  }

  clear(): void {
    if (this.#operations === 0) return;
    this.#byKey.clear();
    this.#marks = new RangeMarks();
    this.#operations = 0;
    this.#word = 0;
  }

  #add(c: OperationCursor): void {
    if ((c.meta & KIND_MASK) === KIND_DELETE_RANGE) {
      this.#marks.add(markAt(c));
      return;
    }
    const key = keyText(c.u8.subarray(c.keyWord * 4, c.keyWord * 4 + c.keyLength));
    const kind = c.meta & KIND_MASK;
    const version = {
      timestamp: joinWords(c.tsHi, c.tsLo),
      seq: joinWords(c.seqHi, c.seqLo),
      isTombstone: kind === KIND_DELETE,
      isRetract: kind === KIND_RETRACT,
      expiresAt: (c.meta & META_EXPIRES) === 0 ? undefined : joinWords(c.expiresHi, c.expiresLo),
    };
    const versions = this.#byKey.get(key);
    if (versions === undefined) this.#byKey.set(key, [version]);
    else insert(versions, version);
  }
}

/** Seqs ascend as versions come, so only the timestamp decides; it is at the end nearly always. */
function insert(versions: UnpublishedVersion[], version: UnpublishedVersion): void {
  let at = versions.length;
  while (at > 0 && versions[at - 1]!.timestamp > version.timestamp) at--;
  versions.splice(at, 0, version);
}
