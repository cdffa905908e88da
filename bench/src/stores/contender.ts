/** A version to be stored; of the shape that `Store.write` of kvts takes, so that it need not be rebuilt for it. */
export interface Put {
  readonly op: "put";
  readonly key: string;
  /** Microseconds. */
  readonly timestamp: number;
  readonly value: Buffer;
}

/** What a read found. */
export interface Found {
  readonly value: Uint8Array;
}

/** One line of a scan. */
export interface Row extends Found {
  readonly key: string;
}

/** Reads that answer at once. The caller owns the bytes. */
export interface SyncReads {
  /** The value with the greatest timestamp. */
  newest(key: string): Uint8Array | undefined;
  /** The value with the greatest timestamp that is not above `moment`. */
  asOf(key: string, moment: number): Uint8Array | undefined;
  /** Every value of the key, newest first. */
  history(key: string): readonly Uint8Array[];
  /** The value that each key from `start` up to `end`, exclusive, has at `moment`; keys that have none are left out. */
  scan(start: string, end: string, moment: number): readonly Row[];
}

/** The same reads, with promises. */
export interface AsyncReads {
  newest(key: string): Promise<Found | undefined>;
  asOf(key: string, moment: number): Promise<Found | undefined>;
  history(key: string): Promise<readonly Uint8Array[]>;
  scan(start: string, end: string, moment: number): Promise<readonly Row[]>;
}

/** `sync`: acknowledged once it is on disk. `buffered`: no sync is waited for. */
export type Durability = "sync" | "buffered";

export interface ContenderOptions {
  readonly directory: string;
  readonly durability: Durability;
  /** Memory that the store may use for itself. */
  readonly memoryBytes: number;
  /** Keep what is written in logs as long as that can be had, so that opening after a kill has most to replay. */
  readonly keepsLogs?: boolean;
}

/** A store that is open. It has `sync` reads, `async` ones, or both. */
export interface OpenContender {
  readonly sync?: SyncReads;
  readonly async?: AsyncReads;
  /** One write of its own. What is returned settles when it is acknowledged and visible; nothing, if it is already. */
  put(put: Put): Promise<unknown> | undefined;
  /** Batches in order, each all or nothing; however many at a time suits the store. */
  load(batches: readonly (readonly Put[])[]): Promise<void>;
  /** Bytes that the store itself has counted for each byte that it was given: written, and on disk. */
  amplification?(): Promise<{ readonly write: number; readonly space: number }>;
  /** Makes the store as small on disk as it can be. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

/** A store to be measured. */
export interface Contender {
  readonly name: string;
  /** Loads the store's package and opens a directory that exists. */
  open(options: ContenderOptions): Promise<OpenContender>;
}
