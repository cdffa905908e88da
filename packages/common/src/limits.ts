/** What one store accepts, counted in the user's own bytes (docs/semantics.md, "Limits and errors"). */
export interface Limits {
  /** Greatest timestamp, in microseconds. The least is 0. */
  readonly timestampMax: number;
  /** Longest key, in bytes of UTF-8. A key has at least one byte. */
  readonly keyBytesMax: number;
  /** Longest value, in bytes. A value may be empty. */
  readonly valueBytesMax: number;
  /** Most operations in one `write`. */
  readonly batchOperationsMax: number;
  /** Most key and value bytes in one `write`. */
  readonly batchBytesMax: number;
  /** Longest request id, in bytes of UTF-8. */
  readonly requestIdBytesMax: number;
  /** Most items in one page of a list answered over the network. */
  readonly pageItemsMax: number;
  /** Most encoded bytes in one page, below the 4 MiB that stock gRPC clients refuse. */
  readonly pageBytesMax: number;
}

export const limits: Limits = {
  // 2^53 - 1, in the year 2255.
  timestampMax: Number.MAX_SAFE_INTEGER,
  keyBytesMax: 65_535,
  valueBytesMax: 64 * 1024 * 1024,
  batchOperationsMax: 10_000,
  batchBytesMax: 64 * 1024 * 1024,
  requestIdBytesMax: 128,
  pageItemsMax: 1_000,
  pageBytesMax: 3.5 * 1024 * 1024,
};
