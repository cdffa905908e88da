import type { TableProperties } from "../table/properties.ts";

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
