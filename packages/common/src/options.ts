import { invalidArgument } from "./errors.ts";
import type {
  AggregateOptions,
  AnyWriteOptions,
  CallOptions,
  ConditionOptions,
  DeleteOptions,
  DeleteRangeOptions,
  DiffOptions,
  EraseOptions,
  GetOptions,
  HistoryOptions,
  PutOptions,
  RestoreOptions,
  RetentionOptions,
  RetractOptions,
  ScanOptions,
  SnapshotOptions,
  WatchOptions,
  WriteOptions,
} from "./store.ts";
import type { VerifyOptions } from "./upkeep.ts";

/** The names of a set of options; the type keeps the table complete. */
export type OptionNames<T> = { readonly [name in keyof Required<T>]: true };

const anyCall: OptionNames<CallOptions> = { signal: true, timeoutMs: true };
const read: OptionNames<GetOptions> = { asOf: true, ...anyCall };
const anyWrite: OptionNames<AnyWriteOptions> = { requestId: true, ...anyCall };
const condition: OptionNames<ConditionOptions> = { ifAbsent: true, ifSeq: true, ifTimestamp: true };
const write: OptionNames<WriteOptions> = { preconditions: true, ...anyWrite };
const put: OptionNames<PutOptions> = { timestamp: true, expiresAt: true, ...condition, ...anyWrite };
const remove: OptionNames<DeleteOptions> = { timestamp: true, ...condition, ...anyWrite };
const deleteRange: OptionNames<DeleteRangeOptions> = { timestamp: true, ...anyWrite };
const retract: OptionNames<RetractOptions> = { ...condition, ...anyWrite };
const diff: OptionNames<DiffOptions> = { from: true, to: true, limit: true, ...anyCall };
const restore: OptionNames<RestoreOptions> = { dryRun: true, ...anyCall };
const erase: OptionNames<EraseOptions> = { dryRun: true, onProgress: true, onHidden: true, ...anyCall };
const scan: OptionNames<ScanOptions> = { asOf: true, reverse: true, limit: true, includeDeleted: true, ...anyCall };
const aggregate: OptionNames<AggregateOptions> = { step: true, from: true, to: true, limit: true, ...anyCall };
const snapshot: OptionNames<SnapshotOptions> = { seq: true, ...anyCall };
const history: OptionNames<HistoryOptions> = { from: true, to: true, reverse: true, limit: true, ...anyCall };
const watch: OptionNames<WatchOptions> = {
  afterSeq: true,
  initial: true,
  progress: true,
  incarnation: true,
  ...anyCall,
};

const verify: OptionNames<VerifyOptions> = { onProgress: true, bytesPerSecond: true, ...anyCall };
const retention: OptionNames<RetentionOptions> = { dryRun: true, ...anyCall };

/** The calls of a store that take options. */
type Call =
  | "get"
  | "getMany"
  | "scan"
  | "diff"
  | "history"
  | "watch"
  | "aggregate"
  | "put"
  | "delete"
  | "deleteRange"
  | "retract"
  | "restore"
  | "erase"
  | "write"
  | "snapshot"
  | "setRetention"
  | "deleteRetention"
  | "listRetention"
  | "verify"
  | "checkpoint"
  | "stats";

const calls: Readonly<Record<Call, OptionNames<CallOptions>>> = {
  get: read,
  getMany: read,
  diff,
  scan,
  history,
  watch,
  aggregate,
  put,
  delete: remove,
  deleteRange,
  retract,
  restore,
  erase,
  write,
  snapshot,
  setRetention: retention,
  deleteRetention: retention,
  listRetention: anyCall,
  verify,
  checkpoint: anyCall,
  stats: anyCall,
};

/**
 * Checks that a call of a store got no option that it does not have, so that a misspelt one is not taken for an absent
 * one.
 * @throws INVALID_ARGUMENT that lists the options there are
 */
export function checkCallOptions(options: CallOptions | undefined, call: Call): void {
  if (options !== undefined) checkOptionNames(options, calls[call], call);
}

/** The same for the options of anything. `what` is how errors call it. */
export function checkOptionNames<T>(options: T, names: OptionNames<T>, what: string): void {
  const given: unknown = options;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw invalidArgument(`the options of ${what} are an object with ${listed(names)}`);
  }
  for (const name in given) {
    // What an object inherits is not meant for us: an AbortController, which has a `signal`, makes good options.
    if ((names as Readonly<Record<string, unknown>>)[name] !== true && Object.hasOwn(given, name)) {
      throw invalidArgument(`${what} has no option ${JSON.stringify(name)}; it may have ${listed(names)}`, {
        field: name,
      });
    }
  }
}

function listed(names: object): string {
  return Object.keys(names).join(", ");
}
