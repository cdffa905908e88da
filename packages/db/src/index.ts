export type {
  AggregateOptions,
  Bucket,
  BytesInput,
  CallOptions,
  Change,
  DeleteOptions,
  DiffOptions,
  Entries,
  Entry,
  ErrorCode,
  ErrorDetails,
  GetOptions,
  HistoryOptions,
  Key,
  KeyType,
  Operation,
  PutOptions,
  Range,
  Reader,
  RetractOptions,
  ScanOptions,
  Snapshot,
  StatValue,
  Store,
  StoreStats,
  TimeInput,
  Tombstone,
  TuplePart,
  TuplePrefix,
  TypedChange,
  TypedEntry,
  TypedOperation,
  TypedRange,
  TypedReader,
  TypedStore,
  TypedTombstone,
  TypedVersion,
  TypedViewOptions,
  ValueType,
  Version,
  ViewOptions,
  WriteOptions,
  WriteResult,
} from "@kvts/common";
export { decodeTuple, encodeTuple, isKvtsError, json, KvtsError, text, tuple, tupleRange } from "@kvts/common";
export type { CheckpointReport } from "./checkpoint.ts";
export type { Db, LocalReader, LocalSnapshot } from "./db.ts";
export { open } from "./open.ts";
export type { Components, OpenOptions, Tuning } from "./options.ts";
export type { LocalEntries } from "./read/local-entries.ts";
export type { Recovery } from "./recovered.ts";
export type { FileOutcome, RepairedFile, RepairReport } from "./repair/report.ts";
export { type RepairOptions, repair } from "./repair.ts";
export type { LocalTypedStore } from "./typed-db.ts";
export type {
  Problem,
  VerifiedFile,
  VerifiedState,
  VerifyOptions,
  VerifyProgress,
  VerifyReport,
} from "./verify/report.ts";
export { type DirectoryVerifyOptions, verify } from "./verify.ts";
