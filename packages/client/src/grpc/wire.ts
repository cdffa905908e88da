import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AdminService, KvService } from "@kvts/api";
import type { Bucket, StoreStats, WriteResult } from "@kvts/common";
import { brokenAnswer } from "../failures.ts";
import type {
  AggregateRequest,
  BatchGetRequest,
  BatchWrite,
  DiffRequest,
  GetRequest,
  ListVersionsRequest,
  RangeDeletion,
  ScanRequest,
  SingleWrite,
  Wire,
  WireCall,
  WireChange,
  WirePage,
  WireVersion,
} from "../wire.ts";
import { GrpcConnection } from "./connection.ts";
import { failureOf, messageBytesMax, unopenedFailure } from "./errors.ts";
import {
  fromBucket,
  fromChange,
  fromPage,
  fromResult,
  fromStatus,
  fromVersion,
  toCondition,
  toInt64,
  toOperation,
  toRange,
} from "./messages.ts";

/** gRPC over one HTTP/2 connection, opened by the first exchange and again whenever it is lost. */
export class GrpcWire implements Wire {
  readonly #url: string;
  readonly #headers: Headers;
  readonly #connection: GrpcConnection;
  readonly #kv: Client<typeof KvService>;
  readonly #admin: Client<typeof AdminService>;

  constructor(url: string, headers: Headers) {
    this.#url = url;
    this.#headers = headers;
    this.#connection = new GrpcConnection(url, (cause) => unopenedFailure(url, cause));
    const transport = createGrpcTransport({
      baseUrl: url,
      sessionManager: this.#connection,
      readMaxBytes: messageBytesMax,
    });
    this.#kv = createClient(KvService, transport);
    this.#admin = createClient(AdminService, transport);
  }

  put({ operation, condition: wanted, requestId = "" }: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { key, value } = operation;
    const [timestamp, expiresAt] = [toInt64(operation.timestamp), toInt64(operation.expiresAt)];
    const condition = wanted && toCondition(wanted);
    return this.#exchange(call, async (options) =>
      fromResult(await this.#kv.put({ key, value, timestamp, expiresAt, condition, requestId }, options)),
    );
  }

  delete({ operation, condition: wanted, requestId = "" }: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { key } = operation;
    const timestamp = toInt64(operation.timestamp);
    const condition = wanted && toCondition(wanted);
    return this.#exchange(call, async (options) =>
      fromResult(await this.#kv.delete({ key, timestamp, condition, requestId }, options)),
    );
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
    const { requestId = "" } = request;
    return this.#exchange(call, async (options) => {
      const operations = request.operations.map(toOperation);
      const preconditions = request.preconditions.map(({ key, condition }) => {
        return { key, condition: toCondition(condition) };
      });
      return fromResult(await this.#kv.write({ operations, preconditions, requestId }, options));
    });
  }

  get({ key, asOf }: GetRequest, call: WireCall): Promise<WireVersion | undefined> {
    return this.#exchange(call, async (options) => {
      const { version } = await this.#kv.get({ key, asOf: toInt64(asOf) }, options);
      return version === undefined ? undefined : fromVersion(version);
    });
  }

  batchGet(request: BatchGetRequest, call: WireCall): Promise<WirePage<WireVersion | undefined>> {
    const { pageSize, pageToken } = request;
    const [asOf, atSeq] = [toInt64(request.asOf), toInt64(request.atSeq)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.batchGet({ keys: [...request.keys], asOf, atSeq, pageSize, pageToken }, options);
      return fromPage(page, page.items, ({ version }) => (version === undefined ? undefined : fromVersion(version)));
    });
  }

  scan(request: ScanRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    const { range, reverse, includeDeleted, pageSize, pageToken } = request;
    const asOf = toInt64(request.asOf);
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.scan({ range, asOf, reverse, includeDeleted, pageSize, pageToken }, options);
      return fromPage(page, page.versions, fromVersion);
    });
  }

  listVersions(request: ListVersionsRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    const { key, reverse, pageSize, pageToken } = request;
    const [from, to] = [toInt64(request.from), toInt64(request.to)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.listVersions({ key, from, to, reverse, pageSize, pageToken }, options);
      return fromPage(page, page.versions, fromVersion);
    });
  }

  aggregate(request: AggregateRequest, call: WireCall): Promise<WirePage<Bucket>> {
    const { key, pageSize, pageToken } = request;
    const [step, from, to] = [BigInt(request.step), toInt64(request.from), toInt64(request.to)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.aggregateVersions({ key, step, from, to, pageSize, pageToken }, options);
      return fromPage(page, page.buckets, fromBucket);
    });
  }

  diff(request: DiffRequest, call: WireCall): Promise<WirePage<WireChange>> {
    const { range, pageSize, pageToken } = request;
    const [from, to] = [BigInt(request.from), BigInt(request.to)];
    return this.#exchange(call, async (options) => {
      const page = await this.#kv.diff({ range, from, to, pageSize, pageToken }, options);
      return fromPage(page, page.changes, fromChange);
    });
  }

  stats(call: WireCall): Promise<StoreStats> {
    return this.#exchange(call, async (options) => fromStatus(await this.#admin.getStatus({}, options)));
  }

  close(): void {
    this.#connection.close();
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
