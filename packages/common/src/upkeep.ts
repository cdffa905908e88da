import type { CallOptions } from "./store.ts";

/** How far a verification is. */
export interface VerifyProgress {
  /** Never goes down, and ends at the total. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Name of the file that is being read. */
  readonly file: string;
}

export interface VerifyOptions extends CallOptions {
  /** Called as reading goes on, and once at the end. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  /** Bytes read a second at most. Default: as many as the disk gives. */
  readonly bytesPerSecond?: number | undefined;
}

/** One thing that is wrong. */
export interface Problem {
  /** Name of the file in the store's directory. */
  readonly file: string;
  /** Where in it the damaged structure begins, in bytes. */
  readonly offset: number;
  /** One sentence that names both, and what is wrong there. */
  readonly message: string;
}

export type VerifiedState =
  | "sound"
  | "damaged"
  | "missing"
  /** One of kvts' own that holds nothing which the store needs; the next opening sees to it. */
  | "not needed"
  /** Not one of kvts' own. */
  | "unknown";

export interface VerifiedFile {
  /** Its name in the store's directory. */
  readonly file: string;
  readonly state: VerifiedState;
  /** Its size; 0 where nobody looked at it. */
  readonly bytes: number;
  /** Versions of a table, operations of a log, tables that a manifest names, request ids or deleted ranges of a file of those. */
  readonly entries: number;
  /** Why it is not needed; absent otherwise. */
  readonly reason?: string;
}

export interface VerifyReport {
  /** Nothing is wrong. */
  readonly sound: boolean;
  /** 32 hex digits; absent where nothing tells it. */
  readonly incarnation?: string;
  /** Tables that are there, and the versions that they say they have. */
  readonly tables: number;
  readonly versions: number;
  /** Operations in logs. */
  readonly operations: number;
  readonly files: readonly VerifiedFile[];
  readonly problems: readonly Problem[];
  /** Problems that were found beyond those listed: a list has 10,000 at most. */
  readonly problemsOmitted: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
}

/** What `checkpoint` made. */
export interface CheckpointReport {
  readonly directory: string;
  /** Of the copy: a new one. */
  readonly incarnation: string;
  /** The last seq in it: everything up to here is there, and nothing behind it. */
  readonly seq: number;
  readonly tables: number;
  readonly linkedBytes: number;
  readonly copiedBytes: number;
  /** Operations that were in no table yet, and the bytes of log that they take. */
  readonly operations: number;
  readonly logBytes: number;
  readonly elapsedMs: number;
}
