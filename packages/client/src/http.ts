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
export { connectHttp, type HttpClientOptions } from "./connect-http.ts";
export type { Fetch } from "./http/exchange.ts";
export type { ClientOptions, RetryOptions } from "./options.ts";
