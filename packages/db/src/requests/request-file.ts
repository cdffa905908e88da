import type { FileReading, FileSystem } from "../env/file-system.ts";
import { crc32 } from "../format/checksum.ts";
import { corruption, writtenByNewerVersion } from "../format/corruption.ts";
import { requestFileName } from "../format/filenames.ts";
import { incarnationBytes } from "../format/incarnation.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import { readWholeFile } from "../manifest/whole-file.ts";
import { RECORD_BYTES, RECORD_WORDS, type RequestRecord, readRecord } from "./request-record.ts";

/** "KVTSRIDS" as two words. */
const MAGIC_0 = 0x5354564b;
const MAGIC_1 = 0x53444952;
const FORMAT_VERSION = 1;

// The header, in words; the records follow.
const FORMAT = 2;
const COUNT = 3;
const INCARNATION = 4;
const RECORDS_CRC = 8;
const HEADER_CRC = 9;
const HEADER_WORDS = 10;
const HEADER_BYTES: number = HEADER_WORDS * 4;

/** Written in pieces, between which the event loop gets its turn. */
const PIECE_BYTES = 1024 * 1024;

/** Writes a whole file of records, and syncs it, its name apart. @throws the system's error, and a part may be left */
export async function writeRequestFile(
  fileSystem: FileSystem,
  directory: string,
  number: number,
  incarnation: string,
  records: Int32Array<ArrayBuffer>,
): Promise<void> {
  const file = fileSystem.create(requestFileName(directory, number));
  try {
    const bytes = new Uint8Array(records.buffer);
    await file.write(headerOf(bytes, incarnation), 0);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await file.write(bytes.subarray(at, at + PIECE_BYTES), HEADER_BYTES + at);
    }
    await file.sync();
  } finally {
    file.close();
  }
}

function headerOf(records: Uint8Array, incarnation: string): Uint8Array {
  const i32 = new Int32Array(HEADER_WORDS);
  const header = new Uint8Array(i32.buffer);
  i32[0] = MAGIC_0;
  i32[1] = MAGIC_1;
  i32[FORMAT] = FORMAT_VERSION;
  i32[COUNT] = records.length / RECORD_BYTES;
  header.set(incarnationBytes(incarnation), INCARNATION * 4);
  i32[RECORDS_CRC] = crc32(records);
  i32[HEADER_CRC] = crc32(header.subarray(0, HEADER_CRC * 4));
  return header;
}

/** Hands over the records of a file that the manifest names, as {@link requestRecords} gives them. */
export function readRequestFile(
  fileSystem: FileReading,
  directory: string,
  number: number,
  incarnation: string,
  take: (record: RequestRecord) => void,
): void {
  for (const record of requestRecords(fileSystem, directory, number, incarnation)) take(record);
}

/**
 * The records of a file that the manifest names, in order of their seqs. The file is read with the first of them.
 * @throws CORRUPTION with file and offset; UNIMPLEMENTED for what a newer kvts wrote
 */
export function* requestRecords(
  fileSystem: FileReading,
  directory: string,
  number: number,
  incarnation: string,
): Generator<RequestRecord, void> {
  const path = requestFileName(directory, number);
  if (!fileSystem.exists(path)) throw corruption(path, 0, "the file is missing");
  const read = readWholeFile(fileSystem, path);
  // Words have to be aligned.
  const bytes = new Uint8Array(Math.ceil(read.length / 4) * 4);
  bytes.set(read);
  const i32 = new Int32Array(bytes.buffer);
  checkHeader(i32, bytes, read.length, path, incarnation);
  let seq = 0;
  for (let word = HEADER_WORDS; word < i32.length; word += RECORD_WORDS) {
    const record = readRecord(i32, word);
    if (!isSound(record) || record.seq <= seq) throw corruption(path, word * 4, "a record makes no sense");
    seq = record.seq;
    yield record;
  }
}

function checkHeader(i32: Int32Array, bytes: Uint8Array, length: number, path: string, incarnation: string): void {
  if (length < HEADER_BYTES || i32[0] !== MAGIC_0 || i32[1] !== MAGIC_1) {
    throw corruption(path, 0, "it is no file of request ids");
  }
  if (i32[HEADER_CRC] !== (crc32(bytes.subarray(0, HEADER_CRC * 4)) | 0)) {
    throw corruption(path, HEADER_CRC * 4, "the header's checksum does not match");
  }
  if (i32[FORMAT] !== FORMAT_VERSION) throw writtenByNewerVersion(path, FORMAT * 4, `format version ${i32[FORMAT]}`);
  if (i32[COUNT]! * RECORD_BYTES !== length - HEADER_BYTES) {
    throw corruption(path, COUNT * 4, "its length is not that of its records");
  }
  const own = incarnationBytes(incarnation);
  if (own.some((byte, at) => bytes[INCARNATION * 4 + at] !== byte)) {
    throw corruption(path, INCARNATION * 4, "it belongs to another store");
  }
  if (i32[RECORDS_CRC] !== (crc32(bytes.subarray(HEADER_BYTES)) | 0)) {
    throw corruption(path, RECORDS_CRC * 4, "the records' checksum does not match");
  }
}

function isSound({ timestamp, seq, moment }: RequestRecord): boolean {
  return [timestamp, seq, moment].every((value) => value >= 0 && value <= NUMBER_MAX);
}
