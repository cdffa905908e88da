import { toHex } from "@kvts/common";
import { crc32 } from "../format/checksum.ts";
import { corruption, writtenByNewerVersion } from "../format/corruption.ts";
import { INCARNATION_BYTES, incarnationBytes } from "../format/incarnation.ts";
import {
  LOG_FORMAT_VERSION,
  type LogPosition,
  MAGIC_0,
  MAGIC_1,
  SEGMENT_CRC,
  SEGMENT_CREATED,
  SEGMENT_FORMAT,
  SEGMENT_HEADER_BYTES,
  SEGMENT_HEADER_WORDS,
  SEGMENT_INCARNATION,
  SEGMENT_NUMBER,
  SEGMENT_PREVIOUS,
  SEGMENT_PREVIOUS_END,
  WORD_MAX,
} from "./format.ts";

const MICROS_PER_SECOND = 1_000_000;

/** Where the log ended before a segment, and when that was begun. */
export interface SegmentOrigin extends LogPosition {
  /** Microseconds since the Unix epoch, in whole seconds; 0 where it is not known. */
  readonly createdAt: number;
}

/**
 * The header of segment `number`, which goes on where the log ended at `previous`.
 * @param createdAt microseconds since the Unix epoch; 0 where that is not known.
 */
export function encodeSegmentHeader(
  number: number,
  incarnation: string,
  previous: LogPosition,
  createdAt = 0,
): Uint8Array {
  const words = new Int32Array(SEGMENT_HEADER_WORDS);
  const bytes = new Uint8Array(words.buffer);
  words[0] = MAGIC_0;
  words[1] = MAGIC_1;
  words[SEGMENT_FORMAT] = LOG_FORMAT_VERSION;
  words[SEGMENT_NUMBER] = number;
  bytes.set(incarnationBytes(incarnation), SEGMENT_INCARNATION * 4);
  words[SEGMENT_PREVIOUS] = previous.segment;
  words[SEGMENT_PREVIOUS_END] = previous.offset;
  words[SEGMENT_CREATED] = Math.min(WORD_MAX, Math.floor(createdAt / MICROS_PER_SECOND));
  words[SEGMENT_CRC] = crc32(bytes.subarray(0, SEGMENT_CRC * 4));
  return bytes;
}

/**
 * Where the log ended before the segment whose first bytes these are; undefined where they are no header of segment
 * `number`: never written, damaged, or from the file's earlier use.
 * @throws CORRUPTION where the header is whole and belongs to another store; UNIMPLEMENTED for a newer format
 */
export function decodeSegmentHeader(
  bytes: Uint8Array,
  number: number,
  incarnation: string,
  file: string,
): SegmentOrigin | undefined {
  const words = wholeHeader(bytes, number, file);
  if (words === undefined) return undefined;
  if (incarnationOf(words) !== incarnation) {
    throw corruption(file, SEGMENT_INCARNATION * 4, "it is the log of another store");
  }
  return {
    segment: words[SEGMENT_PREVIOUS]! >>> 0,
    offset: words[SEGMENT_PREVIOUS_END]! >>> 0,
    createdAt: (words[SEGMENT_CREATED]! >>> 0) * MICROS_PER_SECOND,
  };
}

/**
 * Whose log segment `number` is, by its own account: an incarnation, or undefined where its header is not whole.
 * @throws UNIMPLEMENTED for a newer format
 */
export function segmentIncarnation(bytes: Uint8Array, number: number, file: string): string | undefined {
  const words = wholeHeader(bytes, number, file);
  return words === undefined ? undefined : incarnationOf(words);
}

function wholeHeader(bytes: Uint8Array, number: number, file: string): Int32Array<ArrayBuffer> | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const words = new Int32Array(SEGMENT_HEADER_WORDS);
  const copy = new Uint8Array(words.buffer);
  copy.set(bytes.subarray(0, SEGMENT_HEADER_BYTES));
  if (words[0] !== MAGIC_0 || words[1] !== MAGIC_1) return undefined;
  if (words[SEGMENT_CRC]! >>> 0 !== crc32(copy.subarray(0, SEGMENT_CRC * 4))) return undefined;
  if (words[SEGMENT_FORMAT] !== LOG_FORMAT_VERSION) {
    throw writtenByNewerVersion(file, SEGMENT_FORMAT * 4, `log format ${words[SEGMENT_FORMAT]}`);
  }
  return words[SEGMENT_NUMBER]! >>> 0 === number ? words : undefined;
}

function incarnationOf(words: Int32Array<ArrayBuffer>): string {
  return toHex(new Uint8Array(words.buffer, SEGMENT_INCARNATION * 4, INCARNATION_BYTES));
}
