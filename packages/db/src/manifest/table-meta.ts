import { compareBytes } from "@kvts/common";
import type { ByteReader } from "../format/coding.ts";
import { corruption } from "../format/corruption.ts";
import type { TableProperties } from "../table/properties.ts";
import { FieldWriter, readFields } from "./tagged-fields.ts";

/** What the manifest, and so every version, knows of a table without opening it. */
export interface TableMeta {
  /** Number in the file's name. */
  readonly number: number;
  readonly fileBytes: number;
  /** Distinct keys, and versions of them. */
  readonly keyCount: number;
  readonly entryCount: number;
  readonly deleteCount: number;
  readonly retractCount: number;
  readonly rangeTombstoneCount: number;
  /** Bytes of blocks and extents before compression. */
  readonly rawBytes: number;
  /** Least and greatest key, both held by the table. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  /** Microseconds. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly minSeq: number;
  readonly maxSeq: number;
  /** Microseconds; undefined where nothing in the table expires. */
  readonly minExpiresAt: number | undefined;
  readonly maxExpiresAt: number | undefined;
}

/** What the manifest keeps of a table that has been written, or found. */
export function tableMeta(properties: TableProperties, fileBytes: number): TableMeta {
  const expires = properties.expiringCount > 0;
  return {
    number: properties.fileNumber,
    fileBytes,
    keyCount: properties.keyCount,
    entryCount: properties.entryCount,
    deleteCount: properties.deleteCount,
    retractCount: properties.retractCount,
    rangeTombstoneCount: 0,
    rawBytes: properties.blockBytes + properties.extentBytes,
    smallest: properties.smallestKey,
    largest: properties.largestKey,
    minTimestamp: properties.minTimestamp,
    maxTimestamp: properties.maxTimestamp,
    minSeq: properties.minSeq,
    maxSeq: properties.maxSeq,
    minExpiresAt: expires ? properties.minExpiresAt : undefined,
    maxExpiresAt: expires ? properties.maxExpiresAt : undefined,
  };
}

/** The first field in which two descriptions of a table differ; undefined where none does. */
export function differingField(a: TableMeta, b: TableMeta): keyof TableMeta | undefined {
  const number = NUMBER_NAMES.find((name) => a[name] !== b[name]);
  if (number !== undefined) return number;
  if (compareBytes(a.smallest, b.smallest) !== 0) return "smallest";
  return compareBytes(a.largest, b.largest) === 0 ? undefined : "largest";
}

/** Tags of the numbers; SMALLEST and LARGEST have the next ones. */
const NUMBER_TAGS = {
  number: 2,
  fileBytes: 4,
  keyCount: 6,
  entryCount: 8,
  deleteCount: 10,
  retractCount: 12,
  rangeTombstoneCount: 14,
  rawBytes: 16,
  minTimestamp: 18,
  maxTimestamp: 20,
  minSeq: 22,
  maxSeq: 24,
  minExpiresAt: 26,
  maxExpiresAt: 28,
} as const;
const SMALLEST = 30;
const LARGEST = 32;

type NumberName = keyof typeof NUMBER_TAGS;
const NUMBER_NAMES = Object.keys(NUMBER_TAGS) as NumberName[];
/** All fields of a {@link TableMeta}. */
export const tableMetaNames: readonly (keyof TableMeta)[] = [...NUMBER_NAMES, "smallest", "largest"];
const NAME_BY_TAG: ReadonlyMap<number, NumberName> = new Map(NUMBER_NAMES.map((name) => [NUMBER_TAGS[name], name]));

/** As tagged fields, owned by the caller. */
export function encodeTableMeta(meta: TableMeta): Uint8Array {
  const out = new FieldWriter();
  for (const name of NUMBER_NAMES) out.number(NUMBER_TAGS[name], meta[name]);
  out.bytes(SMALLEST, meta.smallest);
  out.bytes(LARGEST, meta.largest);
  return out.finish();
}

/**
 * @param file named in errors, with `base`, where in it the bytes begin.
 * @throws CORRUPTION
 */
export function decodeTableMeta(bytes: Uint8Array, file: string, base: number): TableMeta {
  const numbers = new Map<NumberName, number>();
  let smallest: Uint8Array | undefined;
  let largest: Uint8Array | undefined;
  readFields(bytes, file, base, (tag, field) => {
    const name = NAME_BY_TAG.get(tag);
    if (name !== undefined) numbers.set(name, field.varint());
    else if (tag === SMALLEST) smallest = rest(field);
    else if (tag === LARGEST) largest = rest(field);
    else return false;
    return true;
  });
  const need = (name: NumberName): number => {
    const value = numbers.get(name);
    if (value === undefined) throw corruption(file, base, `a table lacks its ${name}`);
    return value;
  };
  const meta: TableMeta = {
    number: need("number"),
    fileBytes: need("fileBytes"),
    keyCount: need("keyCount"),
    entryCount: need("entryCount"),
    deleteCount: need("deleteCount"),
    retractCount: need("retractCount"),
    rangeTombstoneCount: need("rangeTombstoneCount"),
    rawBytes: need("rawBytes"),
    smallest: smallest ?? NOTHING,
    largest: largest ?? NOTHING,
    minTimestamp: need("minTimestamp"),
    maxTimestamp: need("maxTimestamp"),
    minSeq: need("minSeq"),
    maxSeq: need("maxSeq"),
    minExpiresAt: numbers.get("minExpiresAt"),
    maxExpiresAt: numbers.get("maxExpiresAt"),
  };
  if (!isSound(meta)) throw corruption(file, base, `what it says of table ${meta.number} contradicts itself`);
  return meta;
}

const NOTHING = new Uint8Array(0);

function rest(field: ByteReader): Uint8Array {
  return new Uint8Array(field.bytes(field.remaining));
}

function isSound(meta: TableMeta): boolean {
  const { smallest, largest, minExpiresAt, maxExpiresAt } = meta;
  return (
    meta.number >= 1 &&
    smallest.length > 0 &&
    compareBytes(smallest, largest) <= 0 &&
    meta.minTimestamp <= meta.maxTimestamp &&
    meta.minSeq <= meta.maxSeq &&
    (minExpiresAt === undefined) === (maxExpiresAt === undefined) &&
    (minExpiresAt ?? 0) <= (maxExpiresAt ?? 0)
  );
}
