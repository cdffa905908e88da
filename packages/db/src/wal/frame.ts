import { crc32 } from "../format/checksum.ts";
import { highWord, NUMBER_MAX } from "../format/version-record.ts";
import {
  FRAME_ALIGNMENT,
  FRAME_DURABLE_OFFSET,
  FRAME_DURABLE_SEGMENT,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_CRC,
  FRAME_HEADER_WORDS,
  FRAME_OPERATIONS,
  FRAME_PAYLOAD_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_PAYLOAD_CRC,
  FRAME_RESERVED,
  FRAME_SEGMENT,
  FRAME_SEQ,
  type LogPosition,
} from "./format.ts";

/** A whole frame's operations, ready for an `OperationCursor`. The words are lent: the holder says until when. */
export interface Frame {
  readonly i32: Int32Array;
  /** Of the same memory as `i32`. */
  readonly u8: Uint8Array;
  /** Where the payload begins and ends, in words of `i32`. */
  readonly firstWord: number;
  readonly endWord: number;
  readonly operationCount: number;
  readonly firstSeq: number;
  /** Where it stands, for errors: the payload's offset in bytes from the start of `file`. */
  readonly file: string;
  readonly payloadOffset: number;
}

/** What a frame has to know of the log that it is written for. */
export interface FramePlace {
  readonly segment: number;
  readonly durableSegment: number;
  readonly durableOffset: number;
  /** {@link frameSeed} of the store. */
  readonly seed: number;
}

const TWO32 = 4294967296;
const SEQ_HIGH_MAX: number = highWord(NUMBER_MAX);

/** Fills in the header at the start of `i32`, whose payload of `payloadBytes` follows it. */
export function sealFrame(
  i32: Int32Array,
  u8: Uint8Array,
  payloadBytes: number,
  operationCount: number,
  firstSeq: number,
  place: FramePlace,
): void {
  i32[FRAME_PAYLOAD_CRC] = crc32(u8.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payloadBytes));
  i32[FRAME_SEGMENT] = place.segment;
  i32[FRAME_PAYLOAD_BYTES] = payloadBytes;
  i32[FRAME_SEQ] = firstSeq >>> 0;
  i32[FRAME_SEQ + 1] = (firstSeq / TWO32) | 0;
  i32[FRAME_DURABLE_SEGMENT] = place.durableSegment;
  i32[FRAME_DURABLE_OFFSET] = place.durableOffset;
  i32[FRAME_OPERATIONS] = operationCount;
  i32[FRAME_RESERVED] = 0;
  i32[FRAME_HEADER_CRC] = headerCrc(u8, 0, place.seed);
}

/**
 * Whether a frame header of segment `segment` stands at word `word`. The checks that damage and leftovers fail come
 * before the checksum, so that a search for headers costs little.
 */
export function isFrameHeader(i32: Int32Array, u8: Uint8Array, word: number, segment: number, seed: number): boolean {
  if (i32[word + FRAME_SEGMENT]! >>> 0 !== segment) return false;
  const payloadBytes = i32[word + FRAME_PAYLOAD_BYTES]! >>> 0;
  if (payloadBytes === 0 || payloadBytes % FRAME_ALIGNMENT !== 0 || payloadBytes > FRAME_PAYLOAD_BYTES_MAX)
    return false;
  if (i32[word + FRAME_SEQ + 1]! >>> 0 > SEQ_HIGH_MAX) return false;
  if (i32[word + FRAME_RESERVED] !== 0) return false;
  return i32[word + FRAME_HEADER_CRC] === headerCrc(u8, word * 4, seed);
}

export function isPayloadWhole(i32: Int32Array, u8: Uint8Array, word: number): boolean {
  const start = (word + FRAME_HEADER_WORDS) * 4;
  const end = start + payloadBytesAt(i32, word);
  return i32[word + FRAME_PAYLOAD_CRC] === (crc32(u8.subarray(start, end)) | 0);
}

export function payloadBytesAt(i32: Int32Array, word: number): number {
  return i32[word + FRAME_PAYLOAD_BYTES]! >>> 0;
}

export function firstSeqAt(i32: Int32Array, word: number): number {
  return i32[word + FRAME_SEQ + 1]! * TWO32 + (i32[word + FRAME_SEQ]! >>> 0);
}

/** Where a whole frame begins: segment and offset. */
export function frameStart(frame: Frame): LogPosition {
  const segment = frame.i32[frame.firstWord - FRAME_HEADER_WORDS + FRAME_SEGMENT]! >>> 0;
  return { segment, offset: frame.payloadOffset - FRAME_HEADER_BYTES };
}

/** How far the log was known to be on disk when a whole frame was written. */
export function frameMark({ i32, firstWord }: Frame): LogPosition {
  const word = firstWord - FRAME_HEADER_WORDS;
  return { segment: i32[word + FRAME_DURABLE_SEGMENT]! >>> 0, offset: i32[word + FRAME_DURABLE_OFFSET]! >>> 0 };
}

function headerCrc(u8: Uint8Array, offset: number, seed: number): number {
  return crc32(u8.subarray(offset + 4, offset + FRAME_HEADER_BYTES), seed) | 0;
}
