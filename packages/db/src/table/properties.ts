import { ByteReader, ByteWriter } from "../format/coding.ts";
import { corruption } from "../format/corruption.ts";
import type { Horizon } from "../retention/horizon.ts";
import { type Compression, compressionId, compressionName, isCompression } from "./compression.ts";
import type { Stamp } from "./stamp.ts";

/** Where a table comes from and what held when it was written: what `repair` needs to make a manifest anew. */
export interface TableProvenance {
  /** File numbers of the tables that it replaces together with its sisters, once all of them are there; none for a flush. */
  readonly inputs: readonly number[];
  /** The sisters, all tables that one merge wrote, are numbered from this one on, up to the one that is the last. */
  readonly firstOutput: number;
  readonly isLastOutput: boolean;
  /** File numbers of tables that had been replaced before, while their files may still have been there. */
  readonly obsolete: readonly number[];
  /** Logs with lower numbers hold nothing that is not in tables. */
  readonly logNumber: number;
  /** No operation had this seq or a greater one. */
  readonly nextSeq: number;
  /** The greatest timestamp that the store had assigned, in microseconds. */
  readonly lastAssigned: number;
  /** The highest seq at which compaction dropped something still visible below it. */
  readonly seqFloor: number;
  /** The store's incarnation id. */
  readonly incarnation: string;
  /** By which history was cut when it was written, or before. */
  readonly horizons: readonly Horizon[];
  /** It holds nothing that erasures up to this seq have erased. */
  readonly erasedSeq: number;
}

/** What was counted while a table was written. */
export interface TableContents {
  /** Distinct keys. */
  readonly keyCount: number;
  /** Versions: `putCount + deleteCount + retractCount`. */
  readonly entryCount: number;
  readonly putCount: number;
  readonly deleteCount: number;
  readonly retractCount: number;
  /** Values that lie in extents, and their bytes. */
  readonly extentCount: number;
  readonly extentBytes: number;
  /** Blocks, and their bytes when decompressed. */
  readonly blockCount: number;
  readonly blockBytes: number;
  /** Microseconds. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly minSeq: number;
  readonly maxSeq: number;
  /** Versions that expire, and when the first and the last of them does (microseconds; 0 without any). */
  readonly expiringCount: number;
  readonly minExpiresAt: number;
  readonly maxExpiresAt: number;
  readonly smallestKey: Uint8Array;
  readonly largestKey: Uint8Array;
}

export interface TableProperties extends TableContents {
  /** The number in the file's name when it was written. */
  readonly fileNumber: number;
  /** The level that it was written for. */
  readonly level: number;
  readonly compression: Compression;
  /** What LZ4 bodies of blocks may refer to as if it stood before them; often empty. */
  readonly dictionary: Uint8Array;
  readonly provenance: TableProvenance;
  /** What its blocks lack; none in most tables. */
  readonly stamp?: Stamp;
}

/** The counts of {@link TableContents} in the order in which they are written. */
const COUNTS = [
  "keyCount",
  "putCount",
  "deleteCount",
  "retractCount",
  "extentCount",
  "extentBytes",
  "blockCount",
  "blockBytes",
  "minTimestamp",
  "maxTimestamp",
  "minSeq",
  "maxSeq",
  "expiringCount",
  "minExpiresAt",
  "maxExpiresAt",
] as const;

export function encodeProperties(properties: TableProperties): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.varint(properties.fileNumber);
  writer.varint(properties.level);
  writer.u8(compressionId(properties.compression));
  for (const name of COUNTS) writer.varint(properties[name]);
  writer.blob(properties.smallestKey);
  writer.blob(properties.largestKey);
  encodeProvenance(writer, properties.provenance);
  writer.blob(properties.dictionary);
  if (properties.stamp !== undefined) {
    writer.varint(properties.stamp.timestamp);
    writer.varint(properties.stamp.seq);
  }
  return writer.view();
}

/** @throws CORRUPTION; `offset` is where the bytes stand in `file`. */
export function decodeProperties(bytes: Uint8Array, file: string, offset: number): TableProperties {
  const reader = new ByteReader(bytes, file, offset);
  const fileNumber = reader.varint();
  const level = reader.varint();
  const compression = reader.u8();
  if (!isCompression(compression)) throw corruption(file, offset, `compression ${compression} is not known`);
  const counts = {} as Record<(typeof COUNTS)[number], number>;
  for (const name of COUNTS) counts[name] = reader.varint();
  const smallestKey = new Uint8Array(reader.blob());
  const largestKey = new Uint8Array(reader.blob());
  const provenance = decodeProvenance(reader);
  const dictionary = new Uint8Array(reader.blob());
  const stamp = reader.remaining > 0 ? { timestamp: reader.varint(), seq: reader.varint() } : undefined;
  reader.end();
  if (smallestKey.length === 0 || largestKey.length === 0) throw corruption(file, offset, "a table's bounds are empty");
  const entryCount = counts.putCount + counts.deleteCount + counts.retractCount;
  return {
    fileNumber,
    level,
    compression: compressionName(compression),
    dictionary,
    ...counts,
    entryCount,
    smallestKey,
    largestKey,
    provenance,
    ...(stamp && { stamp }),
  };
}

function encodeProvenance(writer: ByteWriter, provenance: TableProvenance): void {
  encodeNumbers(writer, provenance.inputs);
  writer.varint(provenance.firstOutput);
  writer.u8(provenance.isLastOutput ? 1 : 0);
  encodeNumbers(writer, provenance.obsolete);
  writer.varint(provenance.logNumber);
  writer.varint(provenance.nextSeq);
  writer.varint(provenance.lastAssigned);
  writer.varint(provenance.seqFloor);
  writer.text(provenance.incarnation);
  writer.varint(provenance.horizons.length);
  for (const { prefix, timestamp } of provenance.horizons) {
    writer.blob(prefix);
    writer.varint(timestamp);
  }
  writer.varint(provenance.erasedSeq);
}

function decodeProvenance(reader: ByteReader): TableProvenance {
  return {
    inputs: decodeList(reader, () => reader.varint()),
    firstOutput: reader.varint(),
    isLastOutput: reader.u8() !== 0,
    obsolete: decodeList(reader, () => reader.varint()),
    logNumber: reader.varint(),
    nextSeq: reader.varint(),
    lastAssigned: reader.varint(),
    seqFloor: reader.varint(),
    incarnation: reader.text(),
    horizons: decodeList(reader, () => ({ prefix: new Uint8Array(reader.blob()), timestamp: reader.varint() })),
    erasedSeq: reader.varint(),
  };
}

function encodeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writer.varint(numbers.length);
  for (const number of numbers) writer.varint(number);
}

function decodeList<T>(reader: ByteReader, decode: () => T): T[] {
  const items: T[] = [];
  // A damaged count ends at the reader's end: every item takes at least a byte.
  for (let left = reader.varint(); left > 0; left--) items.push(decode());
  return items;
}
