import { toHex } from "@kvts/common";
import type { FileReading, FileSystem } from "../env/file-system.ts";
import { crc32 } from "../format/checksum.ts";
import { ByteWriter } from "../format/coding.ts";
import { corruption, writtenByNewerVersion } from "../format/corruption.ts";
import { markFileName } from "../format/filenames.ts";
import { INCARNATION_BYTES, incarnationBytes } from "../format/incarnation.ts";
import { readWholeFile } from "../manifest/whole-file.ts";
import { RECORD_ALIGNMENT, readMark, recordSeed, writeMark } from "./mark-record.ts";
import type { RangeMark } from "./range-mark.ts";

/** "KVTSMARK" as two words. */
const MAGIC_0 = 0x5354564b;
const MAGIC_1 = 0x4b52414d;
const FORMAT_VERSION = 1;

// The header, in bytes; the records follow.
const FORMAT = 8;
const COUNT = 12;
const INCARNATION = 16;
const NUMBER = 32;
export const RECORDS_CRC = 40;
export const HEADER_CRC = 44;
/** Where the first record begins. */
export const MARK_HEADER_BYTES = 48;

/** Written in pieces, between which the event loop gets its turn. */
const PIECE_BYTES = 1024 * 1024;

const TWO32 = 4294967296;

/** Writes a whole file of marks, which ascend by seq, and syncs it, its name apart. @throws the system's error, and a part may be left */
export async function writeMarkFile(
  fileSystem: FileSystem,
  directory: string,
  number: number,
  incarnation: string,
  marks: readonly RangeMark[],
): Promise<void> {
  const file = fileSystem.create(markFileName(directory, number));
  try {
    const bytes = encodeMarks(number, incarnation, marks);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await file.write(bytes.subarray(at, at + PIECE_BYTES), at);
    }
    await file.sync();
  } finally {
    file.close();
  }
}

function encodeMarks(number: number, incarnation: string, marks: readonly RangeMark[]): Uint8Array {
  const out = new ByteWriter();
  const seed = recordSeed(incarnation);
  out.u32(MAGIC_0);
  out.u32(MAGIC_1);
  out.u32(FORMAT_VERSION);
  out.u32(marks.length);
  out.bytes(incarnationBytes(incarnation));
  out.u64(number);
  out.u32(0);
  out.u32(0);
  for (const mark of marks) writeMark(out, mark, seed);
  out.setU32(RECORDS_CRC, crc32(out.view().subarray(MARK_HEADER_BYTES)));
  out.setU32(HEADER_CRC, crc32(out.view().subarray(0, HEADER_CRC)));
  return out.view();
}

/**
 * The marks of a file, ascending by seq.
 * @param incarnation undefined to take the file's own word for it
 * @throws CORRUPTION with file and offset; UNIMPLEMENTED for what a newer kvts wrote
 */
export function readMarkFile(
  fileSystem: FileReading,
  directory: string,
  number: number,
  incarnation: string | undefined,
): RangeMark[] {
  const path = markFileName(directory, number);
  if (!fileSystem.exists(path)) throw corruption(path, 0, "the file is missing");
  const bytes = readWholeFile(fileSystem, path);
  const count = checkHeader(bytes, path, number, incarnation);
  const seed = recordSeed(incarnation ?? toHex(bytes.subarray(INCARNATION, INCARNATION + INCARNATION_BYTES)));
  const marks: RangeMark[] = [];
  let at = MARK_HEADER_BYTES;
  while (at < bytes.length) {
    const read = readMark(bytes, at, seed);
    if (read === "newer") throw writtenByNewerVersion(path, at, "a range mark of another kind");
    if (read === undefined) throw corruption(path, at, "a range mark is not whole");
    if (read.mark.seq <= (marks.at(-1)?.seq ?? 0)) throw corruption(path, at, "range marks are not in order");
    marks.push(read.mark);
    at = read.next;
  }
  if (marks.length !== count) throw corruption(path, COUNT, "it does not have as many range marks as it says");
  return marks;
}

/** What can be read of a file that is damaged: every record that is whole, and was written in this incarnation. */
export function salvageMarks(
  fileSystem: FileReading,
  directory: string,
  number: number,
  incarnation: string,
): RangeMark[] {
  const path = markFileName(directory, number);
  const bytes = readWholeFile(fileSystem, path);
  const seed = recordSeed(incarnation);
  const marks: RangeMark[] = [];
  for (let at = MARK_HEADER_BYTES; at < bytes.length; ) {
    const read = readMark(bytes, at, seed);
    if (read === "newer") throw writtenByNewerVersion(path, at, "a range mark of another kind");
    if (read !== undefined) marks.push(read.mark);
    at = read === undefined ? at + RECORD_ALIGNMENT : read.next;
  }
  return marks;
}

/** @returns how many marks the file has */
function checkHeader(bytes: Uint8Array, path: string, number: number, incarnation: string | undefined): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  if (bytes.length < MARK_HEADER_BYTES || u32(0) !== MAGIC_0 || u32(4) !== MAGIC_1) {
    throw corruption(path, 0, "it is no file of range marks");
  }
  if (u32(HEADER_CRC) !== crc32(bytes.subarray(0, HEADER_CRC))) {
    throw corruption(path, HEADER_CRC, "the header's checksum does not match");
  }
  if (u32(FORMAT) !== FORMAT_VERSION) throw writtenByNewerVersion(path, FORMAT, `format version ${u32(FORMAT)}`);
  const own = incarnation === undefined ? undefined : incarnationBytes(incarnation);
  if (own?.some((byte, at) => bytes[INCARNATION + at] !== byte)) {
    throw corruption(path, INCARNATION, "it belongs to another store");
  }
  if (u32(NUMBER + 4) * TWO32 + u32(NUMBER) !== number) throw corruption(path, NUMBER, "it is another file's contents");
  if (u32(RECORDS_CRC) !== crc32(bytes.subarray(MARK_HEADER_BYTES))) {
    throw corruption(path, RECORDS_CRC, "the range marks' checksum does not match");
  }
  return u32(COUNT);
}
