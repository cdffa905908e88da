import { crc32 } from "../../format/checksum.ts";
import { parseFileName } from "../../format/filenames.ts";
import { HEADER_CRC_OFFSET, RECORD_HEADER_BYTES } from "../../manifest/format.ts";
import { HEADER_CRC, MARK_HEADER_BYTES, RECORDS_CRC } from "../../marks/mark-file.ts";
import { RECORD_CRC, recordSeed } from "../../marks/mark-record.ts";
import { ENVELOPE_BYTES } from "../../table/envelope.ts";
import { FOOTER_BYTES } from "../../table/footer.ts";
import {
  FRAME_HEADER_BYTES,
  FRAME_HEADER_CRC,
  FRAME_PAYLOAD_CRC,
  frameSeed,
  SEGMENT_CRC,
  SEGMENT_HEADER_BYTES,
} from "../../wal/format.ts";
import type { Random } from "../random.ts";
import type { DamagedCopy, FilePart } from "./byte-damages.ts";
import { resealEnvelope } from "./reseal-envelope.ts";

/** A whole file whose contents are to be falsified. */
export interface ForgeryTarget {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly parts: readonly FilePart[];
  /** The store's, which seeds the log's checksums. */
  readonly incarnation: string;
}

/**
 * A copy with something false in it under right checksums: what a fault of the writer, or somebody with a hex editor,
 * leaves. Undefined for a kind of file that has no checksums.
 */
export function forge(target: ForgeryTarget, random: Random): DamagedCopy | undefined {
  const bytes = target.bytes.slice();
  switch (parseFileName(target.name)?.kind) {
    case "table":
      return forgeTable(bytes, target, random);
    case "log":
      return forgeLog(bytes, target, random);
    case "manifest":
      return forgeManifest(bytes, target, random);
    case "marks":
      return forgeMarks(bytes, target, random);
    default:
      return undefined;
  }
}

function forgeTable(bytes: Uint8Array<ArrayBuffer>, { name, parts }: ForgeryTarget, random: Random): DamagedCopy {
  if (random.chance(0.1)) {
    const footer = bytes.subarray(bytes.length - FOOTER_BYTES);
    const what = falsify(footer.subarray(0, 36), random);
    setU32(footer, 36, crc32(footer.subarray(0, 36)));
    return { what: `its footer: ${what}`, bytes };
  }
  // As often in the sections behind the data as in one of the blocks, of which there may be many.
  const { offset, length } = random.pick(random.chance(0.5) ? parts.slice(-3) : parts);
  const envelope = bytes.subarray(offset, offset + length);
  const inHeader = random.chance(0.2);
  const what = falsify(inHeader ? envelope.subarray(4, ENVELOPE_BYTES) : envelope.subarray(ENVELOPE_BYTES), random);
  resealEnvelope(envelope, parseFileName(name)!.number, offset);
  return { what: `${inHeader ? "the header of " : ""}the envelope at ${offset}: ${what}`, bytes };
}

function forgeLog(bytes: Uint8Array<ArrayBuffer>, target: ForgeryTarget, random: Random): DamagedCopy {
  const { parts, incarnation } = target;
  if (parts.length === 0 || random.chance(0.15)) {
    const header = bytes.subarray(0, SEGMENT_HEADER_BYTES);
    const what = falsify(header.subarray(8, SEGMENT_CRC * 4), random);
    setU32(header, SEGMENT_CRC * 4, crc32(header.subarray(0, SEGMENT_CRC * 4)));
    return { what: `its header: ${what}`, bytes };
  }
  const { offset, length } = random.pick(parts);
  const frame = bytes.subarray(offset, offset + length);
  const inHeader = random.chance(0.3);
  const what = falsify(
    frame.subarray(inHeader ? 8 : FRAME_HEADER_BYTES, inHeader ? FRAME_HEADER_BYTES : length),
    random,
  );
  setU32(frame, FRAME_PAYLOAD_CRC * 4, crc32(frame.subarray(FRAME_HEADER_BYTES)));
  setU32(frame, FRAME_HEADER_CRC * 4, crc32(frame.subarray(4, FRAME_HEADER_BYTES), frameSeed(incarnation)));
  return { what: `${inHeader ? "the header of " : ""}the frame at ${offset}: ${what}`, bytes };
}

function forgeManifest(bytes: Uint8Array<ArrayBuffer>, { parts }: ForgeryTarget, random: Random): DamagedCopy {
  const { offset, length } = random.pick(parts);
  const record = bytes.subarray(offset, offset + length);
  const inHeader = random.chance(0.1);
  const what = falsify(inHeader ? record.subarray(8, 16) : record.subarray(RECORD_HEADER_BYTES), random);
  const seed = new DataView(bytes.buffer).getUint32(HEADER_CRC_OFFSET, true);
  setU32(record, 4, crc32(record.subarray(RECORD_HEADER_BYTES)));
  setU32(record, 0, crc32(record.subarray(4, RECORD_HEADER_BYTES), seed));
  return { what: `${inHeader ? "the header of " : ""}the record at ${offset}: ${what}`, bytes };
}

function forgeMarks(bytes: Uint8Array<ArrayBuffer>, target: ForgeryTarget, random: Random): DamagedCopy {
  const { parts, incarnation } = target;
  const { offset, length } = random.pick(parts);
  const inHeader = random.chance(0.2);
  const record = bytes.subarray(offset, offset + length);
  const what = falsify(inHeader ? bytes.subarray(8, RECORDS_CRC) : record.subarray(4), random);
  setU32(record, RECORD_CRC, crc32(record.subarray(4), recordSeed(incarnation)));
  setU32(bytes, RECORDS_CRC, crc32(bytes.subarray(MARK_HEADER_BYTES)));
  setU32(bytes, HEADER_CRC, crc32(bytes.subarray(0, HEADER_CRC)));
  return { what: `${inHeader ? "its header" : `the record at ${offset}`}: ${what}`, bytes };
}

/** Puts something in place of a word, a byte or a stretch. Words at the front are counts, lengths and offsets. */
function falsify(bytes: Uint8Array<ArrayBuffer>, random: Random): string {
  const reach = random.chance(0.5) ? Math.min(bytes.length, 120) : bytes.length;
  if (bytes.length < 8 || random.chance(0.35)) return falsifyByte(bytes, random.below(reach), random);
  if (random.chance(0.15)) return falsifyStretch(bytes, random);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = random.below(reach >> 2) * 4;
  const before = view.getInt32(at, true);
  const after = random.pick([
    0,
    1,
    -1,
    before + 1,
    before - 1,
    before ^ (1 << random.below(32)),
    before * 2,
    0x7fffffff,
    -0x80000000,
    0x00ffffff,
    0x40000000,
    4096,
    random.u32(),
  ]);
  view.setInt32(at, after, true);
  return `${after} in place of ${before} at ${at}`;
}

function falsifyByte(bytes: Uint8Array<ArrayBuffer>, at: number, random: Random): string {
  const before = bytes[at]!;
  // 0x80 and 0xff make a varint longer, 0 ends one too early.
  bytes[at] = random.pick([
    0,
    1,
    0x7f,
    0x80,
    0xff,
    before + 1,
    before - 1,
    before ^ (1 << random.below(8)),
    before + 2,
  ]);
  return `byte ${at} is ${bytes[at]} in place of ${before}`;
}

function falsifyStretch(bytes: Uint8Array<ArrayBuffer>, random: Random): string {
  const from = random.below(bytes.length);
  const to = Math.min(bytes.length, from + random.between(1, 40));
  const way = random.below(3);
  if (way === 0) bytes.fill(0, from, to);
  else if (way === 1) bytes.fill(255, from, to);
  else bytes.set(random.bytes(to - from), from);
  return `${from} to ${to - 1} are ${["zeros", "ones", "garbage"][way]}`;
}

function setU32(bytes: Uint8Array, at: number, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setUint32(at, value, true);
}
