import { crc32 } from "../format/checksum.ts";
import type { ByteWriter } from "../format/coding.ts";
import { incarnationBytes } from "../format/incarnation.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import { isEmptyRange, type RangeMark } from "./range-mark.ts";

/** A record begins at a multiple of so many bytes. */
export const RECORD_ALIGNMENT = 8;

// In bytes from its start; behind these come the start and the end of the range, then zeros.
export const RECORD_CRC = 0;
const KIND = 4;
const TIMESTAMP = 8;
const SEQ = 16;
const BOUNDS_SEQ = 24;
const START_BYTES = 32;
const END_BYTES = 36;
const FIXED_BYTES = 40;

const KIND_DELETE = 0;
/** Beside the kind: the range has an end. */
const HAS_END = 0x100;
/** More than any bound has: what claims more is damage. */
const BOUND_BYTES_MAX = 0x10000;

const TWO32 = 4294967296;

/** What a store's records are checksummed from, so that another store's never pass for its own. */
export function recordSeed(incarnation: string): number {
  return crc32(incarnationBytes(incarnation));
}

/** @param out at a multiple of {@link RECORD_ALIGNMENT}, and stays at one */
export function writeMark(out: ByteWriter, mark: RangeMark, seed: number): void {
  const at = out.length;
  const { start, end, timestamp, seq, boundsSeq } = mark;
  out.u32(0);
  out.u32(end === undefined ? KIND_DELETE : KIND_DELETE | HAS_END);
  out.u64(timestamp);
  out.u64(seq);
  out.u64(boundsSeq);
  out.u32(start.length);
  out.u32(end?.length ?? 0);
  out.bytes(start);
  if (end !== undefined) out.bytes(end);
  out.align(RECORD_ALIGNMENT);
  out.setU32(at, crc32(out.view().subarray(at + KIND), seed));
}

/** Bytes that the record at `at` says that it takes; at least its fixed part is there. */
export function recordBytesAt(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const used = FIXED_BYTES + view.getUint32(at + START_BYTES, true) + view.getUint32(at + END_BYTES, true);
  return Math.ceil(used / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

/** A record that has been read, and where the next one begins. */
export interface ReadMark {
  readonly mark: RangeMark;
  readonly next: number;
}

/** The record at `at`, its bytes copied; undefined where there is none, and "newer" for a kind that is not known. */
export function readMark(bytes: Uint8Array, at: number, seed: number): ReadMark | "newer" | undefined {
  if (at + FIXED_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (offset: number): number => view.getUint32(at + offset, true);
  const u64 = (offset: number): number => u32(offset + 4) * TWO32 + u32(offset);
  const startBytes = u32(START_BYTES);
  const endBytes = u32(END_BYTES);
  if (startBytes > BOUND_BYTES_MAX || endBytes > BOUND_BYTES_MAX) return undefined;
  const next = at + recordBytesAt(bytes, at);
  if (next > bytes.length || u32(RECORD_CRC) !== crc32(bytes.subarray(at + KIND, next), seed)) return undefined;
  const kind = u32(KIND);
  if ((kind & ~HAS_END) !== KIND_DELETE) return "newer";
  const first = at + FIXED_BYTES;
  const middle = first + startBytes;
  const start = new Uint8Array(bytes.subarray(first, middle));
  const hasEnd = (kind & HAS_END) !== 0;
  const end = hasEnd ? new Uint8Array(bytes.subarray(middle, middle + endBytes)) : undefined;
  const mark: RangeMark = {
    kind: "delete",
    start,
    end,
    timestamp: u64(TIMESTAMP),
    seq: u64(SEQ),
    boundsSeq: u64(BOUNDS_SEQ),
  };
  if (!hasEnd && endBytes > 0) return undefined;
  return isSound(mark) ? { mark, next } : undefined;
}

/** The empty range that the log has is kept: as an operation it has a seq, though it marks nothing. */
function isSound({ start, end, timestamp, seq, boundsSeq }: RangeMark): boolean {
  if (timestamp > NUMBER_MAX || seq < 1 || boundsSeq < seq || boundsSeq > NUMBER_MAX) return false;
  return !isEmptyRange(start, end) || (start.length === 1 && end?.length === 1);
}
