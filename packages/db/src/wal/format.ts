import { limits } from "@kvts/common";
import { crc32 } from "../format/checksum.ts";
import { incarnationBytes } from "../format/incarnation.ts";

/**
 * The write-ahead log is a chain of segment files. A segment is a header and then frames, one a commit group, each at a
 * multiple of 8 bytes; behind the last frame anything may stand, zeros or what a recycled segment held before.
 * A frame is a header and a payload of batches; a batch is one word, a request id and operations. Every number is
 * little-endian, every structure word-aligned, so that operations are read in place as 32-bit words.
 * docs/format.md shows the bytes.
 */
export const LOG_FORMAT_VERSION = 1;

/** "KVTSWLOG" as two words. */
export const MAGIC_0 = 0x5354564b;
export const MAGIC_1 = 0x474f4c57;

// Segment header, in words.
export const SEGMENT_FORMAT = 2;
export const SEGMENT_NUMBER = 3;
export const SEGMENT_INCARNATION = 4;
/** The segment before this one, 0 where there is none, and the offset at which its frames ended. */
export const SEGMENT_PREVIOUS = 8;
export const SEGMENT_PREVIOUS_END = 9;
/** When it was begun: seconds since the Unix epoch, 0 where that is not known. */
export const SEGMENT_CREATED = 10;
/** CRC-32 of the words before it. */
export const SEGMENT_CRC = 11;
export const SEGMENT_HEADER_WORDS = 12;
export const SEGMENT_HEADER_BYTES = 48;

// Frame header, in words.
/** CRC-32 of the header's other words, going on from the store's seed. */
export const FRAME_HEADER_CRC = 0;
export const FRAME_PAYLOAD_CRC = 1;
/** The number of the segment for which the frame was written: what an earlier use of the file left has another one. */
export const FRAME_SEGMENT = 2;
/** A multiple of 8. */
export const FRAME_PAYLOAD_BYTES = 3;
/** Seq of the first operation, low word and high word. The others follow without a gap. */
export const FRAME_SEQ = 4;
/** How far the log was known to be on disk when the frame was written. */
export const FRAME_DURABLE_SEGMENT = 6;
export const FRAME_DURABLE_OFFSET = 7;
export const FRAME_OPERATIONS = 8;
export const FRAME_RESERVED = 9;
export const FRAME_HEADER_WORDS = 10;
export const FRAME_HEADER_BYTES = 40;
export const FRAME_ALIGNMENT = 8;

// A batch's word: bits 0–15 operations, 16–23 bytes of the request id that follows, 24–31 flags.
export const BATCH_REQUEST_SHIFT = 16;
export const BATCH_FLAGS_SHIFT = 24;
/** Behind the request id: two words, the clock by which the batch's conditions were judged and its id counts its age. */
export const BATCH_MOMENT = 1;
/** Behind that: two words of fingerprint and the answer's timestamp, for the request id. */
export const BATCH_ANSWER = 2;
export const BATCH_FLAGS_KNOWN: number = BATCH_MOMENT | BATCH_ANSWER;
export const MOMENT_WORDS = 2;
export const ANSWER_WORDS = 4;
export const BATCH_OPERATIONS_MAX = 0xffff;

// An operation: these words, the key, with the expiry bit two words of `expiresAt`, the value.
/** As in a version record (format/version-record.ts), without the extent bit. */
export const OPERATION_META = 0;
export const OPERATION_KEY_BYTES = 1;
/** High word, then biased low word, as in a version record. */
export const OPERATION_TIMESTAMP = 2;
export const OPERATION_WORDS = 4;

/** Segment numbers and offsets are words, so no log reaches beyond this. */
export const WORD_MAX = 0xffffffff;

/** More than the largest batch takes: what claims more is damage, whatever its checksum. */
export const FRAME_PAYLOAD_BYTES_MAX: number =
  limits.valueBytesMax + limits.keyBytesMax + limits.batchOperationsMax * 64 + 64 * 1024;

/** A place in the log: offset `offset` of segment `segment`. {@link LOG_START} comes before all. */
export interface LogPosition {
  readonly segment: number;
  readonly offset: number;
}

export const LOG_START: LogPosition = { segment: 0, offset: 0 };

/** What a store's frames are checksummed from, so that a frame of another store, kept as a value, never passes for one. */
export function frameSeed(incarnation: string): number {
  return crc32(incarnationBytes(incarnation));
}

export function alignFrame(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}
