import type { SecureContextOptions } from "node:tls";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AdminService, KvService } from "@kvts/api";
import type { Bucket, EraseResult, RetentionResult, StoreStats, WriteResult } from "@kvts/common";
import { brokenAnswer, lateFailure } from "../failures.ts";
import type { Settings } from "../options.ts";
import {
  type AggregateRequest,
  type BatchGetRequest,
  type BatchWrite,
  type DeleteRetentionRequest,
  type DiffRequest,
  type EraseRequest,
  type GetRequest,
  type ListVersionsRequest,
  type RangeDeletion,
  type RestoreRequest,
  type ScanRequest,
  type SetRetentionRequest,
  type SingleWrite,
  type WatchRequest,
  type Wire,
  type WireCall,
  type WireChange,
  type WireEvent,
  WireFailure,
  type WireLease,
  type WireOperation,
  type WirePage,
  type WirePolicy,
  type WireRestored,
  type WireVersion,
} from "../wire.ts";
import { GrpcConnection } from "./connection.ts";
import { failureOf, messageBytesMax, unopenedFailure } from "./errors.ts";
import {
  fromBucket,
  fromChange,
  fromEvent,
  fromLease,
  fromPage,
  fromPolicy,
  fromRestored,
  fromResult,
  fromRetention,
  fromStatus,
  fromVersion,
  toCondition,
  toInt64,
  toOperation,
  toRange,
} from "./messages.ts";
import { fromErasure, fromOperation, toErase } from "./operations.ts";
import { Pipeline } from "./pipeline.ts";
import { pipelinePath } from "./pipeline-stream.ts";
import {
  type PipelinedMethod,
  pipelinedDelete,
  pipelinedGet,
  pipelinedListVersions,
  pipelinedPut,
  pipelinedScan,
  pipelinedWrite,
} from "./pipelined-methods.ts";

/** Larger calls gain nothing from company, and would have it wait. */
const pipelinedBytesMax = 64 * 1024;

/** gRPC over one HTTP/2 connection, opened by the first exchange and again whenever it is lost. */
export class GrpcWire implements Wire {
  readonly #url: string;
  readonly #headers: Headers;
  readonly #connection: GrpcConnection;
  readonly #kv: Client<typeof KvService>;
  readonly #admin: Client<typeof AdminService>;

  /** Undefined where each call travels by itself. */
  #pipeline: Pipeline | undefined;

  constructor(
    url: string,
    { headers, coalesce }: Pick<Settings, "headers" | "coalesce">,
    secure: SecureContextOptions = {},
  ) {
    this.#url = url;
    this.#headers = headers;
    this.#connection = new GrpcConnection(url, (cause) => unopenedFailure(url, cause), {
      secure,
      quietPath: pipelinePath,
    });
    const transport = createGrpcTransport({
      baseUrl: url,
      sessionManager: this.#connection,
      readMaxBytes: messageBytesMax,
    });
    this.#kv = createClient(KvService, transport);
    this.#admin = createClient(AdminService, transport);
    const refused = (): void => {
      this.#pipeline = undefined;
    };
    this.#pipeline = coalesce ? new Pipeline(url, this.#connection, headers, refused) : undefined;
  }

  put(write: SingleWrite, call: WireCall): Promise<WriteResult> {
    return this.#call(pipelinedPut, write, call, async (options) => {
      const { operation, condition, requestId = "" } = write;
      const { key, value } = operation;
      const [timestamp, expiresAt] = [toInt64(operation.timestamp), toInt64(operation.expiresAt)];
      const request = { key, value, timestamp, expiresAt, condition: condition && toCondition(condition), requestId };
      return fromResult(await this.#kv.put(request, options));
    });
  }

  delete(write: SingleWrite, call: WireCall): Promise<WriteResult> {
    return this.#call(pipelinedDelete, write, call, async (options) => {
      const { operation, condition, requestId = "" } = write;
      const timestamp = toInt64(operation.timestamp);
      const request = { key: operation.key, timestamp, condition: condition && toCondition(condition), requestId };
      return fromResult(await this.#kv.delete(request, options));
    });
  }

  retract({ operation, condition: wanted, requestId = "" }: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { key } = operation;
    const timestamp = toInt64(operation.timestamp);
    const condition = wanted && toCondition(wanted);
    return this.#exchange(call, async (options) =>
      fromResult(await this.#admin.retract({ key, timestamp, condition, requestId }, options)),
    );
  }

  deleteRange({ range, timestamp, requestId = "" }: RangeDeletion, call: WireCall): Promise<WriteResult> {
    return this.#exchange(call, async (options) => {
      const request = { range: toRange(range), timestamp: toInt64(timestamp), requestId };
      const { timestamp: at, seq } = await this.#admin.deleteRange(request, options);
      if (at === undefined || seq === undefined) throw brokenAnswer("a deleted range has no timestamp or no seq");
      return fromResult({ timestamp: at, seq });
    });
  }

  write(request: BatchWrite, call: WireCall): Promise<WriteResult> {
    return this.#call(pipelinedWrite, request, call, async (options) => {
      const operations = request.operations.map(toOperation);
      const preconditions = request.preconditions.map(({ key, condition }) => ({
        key,
        condition: toCondition(condition),
      }));
      return fromResult(
        await this.#kv.write({ operations, preconditions, requestId: request.requestId ?? "" }, options),
      );
    });
  }

  get(request: GetRequest, call: WireCall): Promise<WireVersion | undefined> {
    return this.#call(pipelinedGet, request, call, async (options) => {
      const { key, asOf, snapshot = "" } = request;
      const { version } = await this.#kv.get({ key, asOf: toInt64(asOf), snapshot }, options);
      return version && fromVersion(version);
    });
  }

  batchGet(request: BatchGetRequest, call: WireCall): Promise<WirePage<WireVersion | undefined>> {
    const { pageSize, pageToken, snapshot = "" } = request;
    const [asOf, atSeq] = [toInt64(request.asOf), toInt64(request.atSeq)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.batchGet(
        { keys: [...request.keys], asOf, atSeq, pageSize, pageToken, snapshot },
        options,
      );
      return fromPage(page, page.items, ({ version }) => (version === undefined ? undefined : fromVersion(version)));
    });
  }

  scan(request: ScanRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    return this.#call(pipelinedScan, request, call, async (options) => {
      const { range, reverse, includeDeleted, pageSize, pageToken, snapshot = "" } = request;
      const asOf = toInt64(request.asOf);
      const page = await this.#kv.scan(
        { range, asOf, reverse, includeDeleted, pageSize, pageToken, snapshot },
        options,
      );
      return fromPage(page, page.versions, fromVersion);
    });
  }

  listVersions(request: ListVersionsRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    return this.#call(pipelinedListVersions, request, call, async (options) => {
      const { key, reverse, pageSize, pageToken, snapshot = "" } = request;
      const [from, to] = [toInt64(request.from), toInt64(request.to)];
      const page = await this.#kv.listVersions({ key, from, to, reverse, pageSize, pageToken, snapshot }, options);
      return fromPage(page, page.versions, fromVersion);
    });
  }

  aggregate(request: AggregateRequest, call: WireCall): Promise<WirePage<Bucket>> {
    const { key, pageSize, pageToken, snapshot = "" } = request;
    const [step, from, to] = [BigInt(request.step), toInt64(request.from), toInt64(request.to)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.aggregateVersions({ key, step, from, to, pageSize, pageToken, snapshot }, options);
      return fromPage(page, page.buckets, fromBucket);
    });
  }

  diff(request: DiffRequest, call: WireCall): Promise<WirePage<WireChange>> {
    const { range, pageSize, pageToken, snapshot = "" } = request;
    const [from, to] = [BigInt(request.from), BigInt(request.to)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.diff({ range, from, to, pageSize, pageToken, snapshot }, options);
      return fromPage(page, page.changes, fromChange);
    });
  }

  async *watch(request: WatchRequest, call: WireCall): AsyncGenerator<WireEvent> {
    const { range, initial, incarnation = "" } = request;
    const afterSeq = toInt64(request.afterSeq);
    const over = new AbortController();
    const abandon = (): void => over.abort(call.signal?.reason);
    call.signal?.addEventListener("abort", abandon, { once: true });
    if (call.signal?.aborted === true) abandon();
    const timer = setTimeout(() => over.abort(lateFailure(this.#url)), call.timeoutMs);
    try {
      const options = { signal: over.signal, headers: this.#headers };
      for await (const event of this.#kv.watch({ range, afterSeq, initial, incarnation }, options)) {
        clearTimeout(timer);
        yield fromEvent(event);
      }
    } catch (error) {
      const { reason }: { reason: unknown } = over.signal;
      throw failureOf(reason instanceof WireFailure ? reason : error, this.#url, call);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", abandon);
      over.abort();
    }
  }

  createSnapshot(seq: number | undefined, call: WireCall): Promise<WireLease> {
    const atSeq = toInt64(seq);
    return this.#exchange(call, async (options) => fromLease(await this.#admin.createSnapshot({ atSeq }, options)));
  }

  renewSnapshot(snapshot: string, call: WireCall): Promise<WireLease> {
    return this.#exchange(call, async (options) => fromLease(await this.#admin.renewSnapshot({ snapshot }, options)));
  }

  releaseSnapshot(snapshot: string, call: WireCall): Promise<void> {
    return this.#exchange(call, async (options) => {
      await this.#admin.releaseSnapshot({ snapshot }, options);
    });
  }

  restore({ range, to, dryRun }: RestoreRequest, call: WireCall): Promise<WireRestored> {
    return this.#exchange(call, async (options) =>
      fromRestored(await this.#admin.restore({ range, to: BigInt(to), dryRun }, options)),
    );
  }

  erase(request: EraseRequest, call: WireCall): Promise<WireOperation> {
    return this.#exchange(call, async (options) =>
      fromOperation((await this.#admin.erase(toErase(request, false), options)).operation),
    );
  }

  countErased(request: EraseRequest, call: WireCall): Promise<EraseResult> {
    return this.#exchange(call, async (options) =>
      fromErasure((await this.#admin.erase(toErase(request, true), options)).counted),
    );
  }

  verify(bytesPerSecond: number | undefined, call: WireCall): Promise<WireOperation> {
    return this.#exchange(call, async (options) =>
      fromOperation((await this.#admin.verify({ bytesPerSecond: toInt64(bytesPerSecond) }, options)).operation),
    );
  }

  checkpoint(name: string, call: WireCall): Promise<WireOperation> {
    return this.#exchange(call, async (options) =>
      fromOperation((await this.#admin.checkpoint({ name }, options)).operation),
    );
  }

  getOperation(id: string, call: WireCall): Promise<WireOperation> {
    return this.#exchange(call, async (options) =>
      fromOperation((await this.#admin.getOperation({ id }, options)).operation),
    );
  }

  setRetention({ prefix, keepFor, dryRun }: SetRetentionRequest, call: WireCall): Promise<RetentionResult> {
    return this.#exchange(call, async (options) =>
      fromRetention(await this.#admin.setRetention({ prefix, keepFor: toInt64(keepFor), dryRun }, options)),
    );
  }

  deleteRetention(request: DeleteRetentionRequest, call: WireCall): Promise<RetentionResult> {
    return this.#exchange(call, async (options) => fromRetention(await this.#admin.deleteRetention(request, options)));
  }

  listRetention(call: WireCall): Promise<readonly WirePolicy[]> {
    return this.#exchange(call, async (options) =>
      (await this.#admin.listRetention({}, options)).policies.map(fromPolicy),
    );
  }

  stats(call: WireCall): Promise<StoreStats> {
    return this.#exchange(call, async (options) => fromStatus(await this.#admin.getStatus({}, options)));
  }

  close(): void {
    this.#pipeline?.close();
    this.#connection.close();
  }

  /** A call that may travel with others: it does where it is small, and else by itself. */
  #call<Q, A>(
    method: PipelinedMethod<Q, A>,
    request: Q,
    call: WireCall,
    run: (options: CallOptions) => Promise<A>,
  ): Promise<A> {
    const alone = (): Promise<A> => this.#exchange(call, run);
    if (this.#pipeline === undefined) return alone();
    const bytes = method.bytes(request);
    return bytes > pipelinedBytesMax ? alone() : this.#pipeline.call(method, request, bytes, call, alone);
  }

  async #exchange<T>(call: WireCall, run: (options: CallOptions) => Promise<T>): Promise<T> {
    const { signal, timeoutMs } = call;
    const options = { timeoutMs, headers: this.#headers };
    try {
      return await run(signal === undefined ? options : { ...options, signal });
    } catch (error) {
      throw failureOf(error, this.#url, call);
    }
  }
}
