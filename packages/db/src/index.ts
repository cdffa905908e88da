export type {
  BytesInput,
  CallOptions,
  DeleteOptions,
  Entries,
  Entry,
  ErrorCode,
  ErrorDetails,
  GetOptions,
  HistoryOptions,
  Key,
  Operation,
  PutOptions,
  Range,
  Reader,
  ScanOptions,
  Snapshot,
  StatValue,
  Store,
  StoreStats,
  TimeInput,
  Tombstone,
  Version,
  ViewOptions,
  WriteOptions,
  WriteResult,
} from "@kvts/common";
export { isKvtsError, KvtsError } from "@kvts/common";
export type { CheckpointReport } from "./checkpoint.ts";
export type { Db, LocalReader, LocalSnapshot } from "./db.ts";
export { open } from "./open.ts";
export type { Components, OpenOptions, Tuning } from "./options.ts";
export type { LocalEntries } from "./read/local-entries.ts";
export type { Recovery } from "./recovered.ts";
export type { FileOutcome, RepairedFile, RepairReport } from "./repair/report.ts";
export { type RepairOptions, repair } from "./repair.ts";
export type {
  Problem,
  VerifiedFile,
  VerifiedState,
  VerifyOptions,
  VerifyProgress,
  VerifyReport,
} from "./verify/report.ts";
export { type DirectoryVerifyOptions, verify } from "./verify.ts";
