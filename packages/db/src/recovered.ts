import type { FileLock } from "./env/file-system.ts";
import type { FeedLog } from "./feed/feed-log.ts";
import type { Layers } from "./layers.ts";
import type { Logs } from "./logs.ts";
import type { VersionSet } from "./manifest/version-set.ts";
import type { MarkFiles } from "./marks/mark-files.ts";
import type { Settings } from "./options.ts";
import type { RequestFiles } from "./requests/request-files.ts";
import type { Requests } from "./requests/requests.ts";
import type { TableOpener } from "./table-opener.ts";
import type { LogPosition } from "./wal/format.ts";

/** What `open` found and did; `db.recovery`. */
export interface Recovery {
  /** The directory held no store, and a new one was made. */
  readonly created: boolean;
  /** The store had been closed in order. */
  readonly clean: boolean;
  /** Logs replayed, and the operations in them. */
  readonly logs: number;
  readonly operations: number;
  /** Files that were set aside in `lost/`. */
  readonly setAside: readonly string[];
  readonly elapsedMs: number;
}

/** What recovery hands over: everything a running store is made of. */
export interface Recovered {
  readonly directory: string;
  readonly settings: Settings;
  readonly lock: FileLock;
  readonly layers: Layers;
  readonly versions: VersionSet;
  readonly tables: TableOpener;
  readonly logs: Logs;
  readonly feedLog: FeedLog;
  readonly requests: Requests;
  readonly requestFiles: RequestFiles;
  readonly markFiles: MarkFiles;
  readonly lastSeq: number;
  readonly lastAssigned: number;
  /** Where what was replayed ends. */
  readonly logEnd: LogPosition;
  readonly recovery: Recovery;
  /** The room kept for a full disk had to go, or there would have been none to open the store. */
  readonly reserveWasReleased: boolean;
}
