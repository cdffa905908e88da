import type {
  Bucket,
  CheckedCondition,
  DeletedRange,
  EncodedKeyOperation,
  EncodedOperation,
  EncodedPrecondition,
  EraseResult,
  KvtsError,
  ResolvedRange,
  RestoredRange,
  RestoreResult,
  RetentionResult,
  StoreStats,
  TrackedOperation,
  WriteResult,
} from "@kvts/common";

/** How long one exchange may take, and what abandons it early. */
export interface WireCall {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/** One operation on a key that travels alone. */
export interface SingleWrite {
  readonly operation: EncodedKeyOperation;
  /** On the operation's own key. */
  readonly condition: CheckedCondition | undefined;
  readonly requestId: string | undefined;
}

export interface RangeDeletion {
  readonly range: ResolvedRange;
  /** Microseconds; assigned by the server when left out. */
  readonly timestamp: number | undefined;
  readonly requestId: string | undefined;
}

export interface BatchWrite {
  readonly operations: readonly EncodedOperation[];
  readonly preconditions: readonly EncodedPrecondition[];
  readonly requestId: string | undefined;
}

export interface GetRequest extends ReadRequest {
  readonly key: Uint8Array;
  /** Microseconds; the newest version when left out. */
  readonly asOf: number | undefined;
}

/** One page; `pageToken` is empty for the first. */
export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** A read, in a snapshot where there is the id of one. */
export interface ReadRequest {
  readonly snapshot: string | undefined;
}

export interface BatchGetRequest extends PageRequest, ReadRequest {
  readonly keys: readonly Uint8Array[];
  readonly asOf: number | undefined;
  /** Ignores commits above this seq; the server chooses, and says which, when left out. */
  readonly atSeq: number | undefined;
}

export interface ScanRequest extends PageRequest, ReadRequest {
  readonly range: ResolvedRange;
  readonly asOf: number | undefined;
  readonly reverse: boolean;
  readonly includeDeleted: boolean;
}

export interface ListVersionsRequest extends PageRequest, ReadRequest {
  readonly key: Uint8Array;
  /** Microseconds, both inclusive. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly reverse: boolean;
}

export interface AggregateRequest extends PageRequest, ReadRequest {
  readonly key: Uint8Array;
  /** Microseconds. */
  readonly step: number;
  /** Microseconds, both inclusive. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export interface DiffRequest extends PageRequest, ReadRequest {
  readonly range: ResolvedRange;
  /** Microseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
}

/** A snapshot of the server's, open for `leaseMs` from when it was asked for. */
export interface WireLease {
  readonly id: string;
  readonly seq: number;
  readonly leaseMs: number;
}

export interface RestoreRequest {
  readonly range: ResolvedRange;
  /** Microseconds. */
  readonly to: number;
  readonly dryRun: boolean;
}

/** What a restore did as it arrived; the sample is there of a dry run. */
export interface WireRestored extends Omit<RestoreResult, "sample"> {
  readonly sample: readonly WireChange[];
}

export interface EraseRequest {
  readonly range: ResolvedRange;
  /** Where it is one key, that key. */
  readonly key: Uint8Array | undefined;
}

/** An operation of the server's, as it arrived. */
export type WireOperation = Omit<TrackedOperation, "kind" | "startedAt" | "endedAt">;

export interface SetRetentionRequest {
  readonly prefix: Uint8Array;
  /** Microseconds; undefined for ever. */
  readonly keepFor: number | undefined;
  readonly dryRun: boolean;
}

export interface DeleteRetentionRequest {
  readonly prefix: Uint8Array;
  readonly dryRun: boolean;
}

/** A policy as it arrived. */
export interface WirePolicy {
  readonly prefix: Uint8Array;
  /** Microseconds; undefined for ever. */
  readonly keepFor: number | undefined;
  readonly horizon: number;
}

/** A version as it arrived, numbers checked: a value, or a tombstone where that is `undefined`. */
export interface WireVersion {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly timestamp: number;
  readonly seq: number;
  readonly expiresAt: number | undefined;
}

/** A change as it arrived: at least one of the two entries is there. */
export interface WireChange {
  readonly key: Uint8Array;
  readonly before: WireVersion | undefined;
  readonly after: WireVersion | undefined;
}

export interface WirePage<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The seq that every page is read at. */
  readonly seq: number;
}

export interface WatchRequest {
  readonly range: ResolvedRange;
  /** From now on when left out. */
  readonly afterSeq: number | undefined;
  readonly initial: boolean;
  readonly incarnation: string | undefined;
}

/** What a server says of a watch: an event, and in its first message whose seqs it gives. */
export interface WireEvent {
  readonly seq: number;
  readonly items: readonly WireFeedItem[];
  readonly initial: boolean;
  readonly more: boolean;
  readonly incarnation: string | undefined;
}

/** A version, or with `op` something else that was done. */
export type WireFeedItem =
  | (WireVersion & { readonly op?: undefined })
  | { readonly op: "retract"; readonly key: Uint8Array; readonly timestamp: number; readonly seq: number }
  | DeletedRange
  | RestoredRange;

/**
 * A way to a server: one exchange a method, checked plain data in and out. A wire knows its protocol and nothing else;
 * checks of input, deadlines over several tries, retries and paging are the same for all wires and live above them.
 * Every method rejects with a {@link WireFailure}.
 */
export interface Wire {
  put(request: SingleWrite, call: WireCall): Promise<WriteResult>;
  delete(request: SingleWrite, call: WireCall): Promise<WriteResult>;
  deleteRange(request: RangeDeletion, call: WireCall): Promise<WriteResult>;
  /** The operation is a retract. */
  retract(request: SingleWrite, call: WireCall): Promise<WriteResult>;
  write(request: BatchWrite, call: WireCall): Promise<WriteResult>;
  get(request: GetRequest, call: WireCall): Promise<WireVersion | undefined>;
  batchGet(request: BatchGetRequest, call: WireCall): Promise<WirePage<WireVersion | undefined>>;
  scan(request: ScanRequest, call: WireCall): Promise<WirePage<WireVersion>>;
  listVersions(request: ListVersionsRequest, call: WireCall): Promise<WirePage<WireVersion>>;
  aggregate(request: AggregateRequest, call: WireCall): Promise<WirePage<Bucket>>;
  diff(request: DiffRequest, call: WireCall): Promise<WirePage<WireChange>>;
  /** Fails as the other methods do, where it is iterated; `call.timeoutMs` bounds the wait for the first event. */
  watch(request: WatchRequest, call: WireCall): AsyncIterable<WireEvent>;
  /** At the newest seq where none is given. */
  createSnapshot(seq: number | undefined, call: WireCall): Promise<WireLease>;
  renewSnapshot(id: string, call: WireCall): Promise<WireLease>;
  releaseSnapshot(id: string, call: WireCall): Promise<void>;
  restore(request: RestoreRequest, call: WireCall): Promise<WireRestored>;
  /** Resolves once nothing of it shows any more. */
  erase(request: EraseRequest, call: WireCall): Promise<WireOperation>;
  countErased(request: EraseRequest, call: WireCall): Promise<EraseResult>;
  /** @param bytesPerSecond as many as the disk gives without it */
  verify(bytesPerSecond: number | undefined, call: WireCall): Promise<WireOperation>;
  checkpoint(name: string, call: WireCall): Promise<WireOperation>;
  getOperation(id: string, call: WireCall): Promise<WireOperation>;
  setRetention(request: SetRetentionRequest, call: WireCall): Promise<RetentionResult>;
  deleteRetention(request: DeleteRetentionRequest, call: WireCall): Promise<RetentionResult>;
  listRetention(call: WireCall): Promise<readonly WirePolicy[]>;
  stats(call: WireCall): Promise<StoreStats>;
  /** Gives up the connections. Called once, when no exchange is under way. */
  close(): void;
}

/**
 * What became of a failed exchange: `unsent`, the server never saw it; `answered`, the server's own verdict;
 * `unknown`, the connection, the deadline or the caller ended it, and a write may have happened or not.
 */
export type WireOutcome = "unsent" | "answered" | "unknown";

/** Why an exchange failed: the error for the caller, and what the layers above need to act on it. */
export class WireFailure extends Error {
  override readonly name: string = "WireFailure";
  readonly error: KvtsError;
  readonly outcome: WireOutcome;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(error: KvtsError, outcome: WireOutcome, retryAfterMs?: number) {
    super(error.message, { cause: error });
    this.error = error;
    this.outcome = outcome;
    this.retryAfterMs = retryAfterMs;
  }
}
