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
  /** Key and value bytes of all versions, uncompressed, each key counted once a version. */
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
