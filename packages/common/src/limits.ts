/** What one store accepts, counted in the user's own bytes (docs/semantics.md, "Limits and errors"). */
export const limits = {
  /** Longest key, in bytes of UTF-8. A key has at least one byte. */
  keyBytesMax: 65_535,
  /** Longest value, in bytes. A value may be empty. */
  valueBytesMax: 64 * 1024 * 1024,
  /** Most operations in one `write`. */
  batchOperationsMax: 10_000,
  /** Most key and value bytes in one `write`. */
  batchBytesMax: 64 * 1024 * 1024,
  /** Longest request id, in bytes of UTF-8. */
  requestIdBytesMax: 128,
  /** Most items in one page of a list answered over the network. */
  pageItemsMax: 1_000,
  /** Most encoded bytes in one page, below the 4 MiB that stock gRPC clients refuse. */
  pageBytesMax: 3.5 * 1024 * 1024,
} as const;
