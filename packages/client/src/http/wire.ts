import {
  type Bucket,
  copyBytes,
  type EraseResult,
  invalidArgument,
  keyToJson,
  limits,
  prefixToJson,
  type RetentionResult,
  type StoreStats,
  utf8,
  type WriteResult,
} from "@kvts/common";
import { arrivedNumber } from "../arrived.ts";
import type {
  AggregateRequest,
  BatchGetRequest,
  BatchWrite,
  DeleteRetentionRequest,
  DiffRequest,
  EraseRequest,
  GetRequest,
  ListVersionsRequest,
  RangeDeletion,
  RestoreRequest,
  ScanRequest,
  SetRetentionRequest,
  SingleWrite,
  WatchRequest,
  Wire,
  WireCall,
  WireChange,
  WireEvent,
  WireLease,
  WireOperation,
  WirePage,
  WirePolicy,
  WireRestored,
  WireVersion,
} from "../wire.ts";
import { answerFailure, type HttpAnswer, isAbsent } from "./errors.ts";
import { type Fetch, HttpExchange, type HttpRequest } from "./exchange.ts";
import {
  bucketFromJson,
  changeFromJson,
  conditionToJson,
  foundFromJson,
  keyToItem,
  leaseFromJson,
  namedRangeToJson,
  operationToJson,
  pageFromJson,
  policiesFromJson,
  restoredFromJson,
  resultFromJson,
  retentionFromJson,
  statsFromJson,
  versionFromJson,
} from "./messages.ts";
import { eraseResultFromJson, eraseToJson, operationFromJson } from "./operations.ts";
import { type KeySegment, keySegment, rangeParameters, target } from "./targets.ts";
import { watchEvents } from "./watch-events.ts";

/** Longest key in a path, in characters, where there is another way: proxies take URLs of about 8,000. */
const segmentCharactersMax = 4096;

/** Longest page: a single version of the largest value with its key, each byte of which JSON may write in six. */
const pageBytesMax = 6 * (limits.valueBytesMax + limits.keyBytesMax) + 1024;

/** Longest page of a diff: a single change of one such version to another. */
const changesBytesMax = 2 * pageBytesMax;

/** Longest of the small answers. */
const smallBytesMax = 1024 * 1024;

/** HTTP and JSON through `fetch`, and nothing else of the platform. Values of single keys travel as they are. */
export class HttpWire implements Wire {
  readonly #url: string;
  readonly #exchange: HttpExchange;

  constructor(url: string, headers: Headers, fetch: Fetch) {
    this.#url = url;
    this.#exchange = new HttpExchange(url, headers, fetch);
  }

  async put(request: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { operation, condition, requestId } = request;
    const { key, value, timestamp: ts, expiresAt } = operation;
    const { segment, keyEncoding } = keySegment(key);
    if (segment.length > segmentCharactersMax) return this.write(batchOf(request), call);
    const path = target(`/v1/keys/${segment}`, { ts, expiresAt, ...conditionToJson(condition), keyEncoding });
    const headers = { ...idHeader(requestId), "content-type": "application/octet-stream" };
    return resultFromJson(await this.#succeed({ method: "PUT", target: path, headers, body: value! }, call));
  }

  async delete(request: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { operation, condition, requestId } = request;
    const { key, timestamp: ts } = operation;
    const { segment, keyEncoding } = keySegment(key);
    if (segment.length > segmentCharactersMax) return this.write(batchOf(request), call);
    const path = target(`/v1/keys/${segment}`, { ts, ...conditionToJson(condition), keyEncoding });
    return resultFromJson(await this.#succeed({ method: "DELETE", target: path, headers: idHeader(requestId) }, call));
  }

  async retract(request: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { operation, condition, requestId } = request;
    const { segment, keyEncoding } = keySegment(operation.key);
    if (segment.length > segmentCharactersMax) return this.write(batchOf(request), call);
    const versionPath = `/v1/keys/${segment}/versions/${operation.timestamp}`;
    const path = target(versionPath, { ...conditionToJson(condition), keyEncoding });
    return resultFromJson(await this.#succeed({ method: "DELETE", target: path, headers: idHeader(requestId) }, call));
  }

  async deleteRange({ range, timestamp, requestId }: RangeDeletion, call: WireCall): Promise<WriteResult> {
    const body = { ...namedRangeToJson(range), timestamp };
    return resultFromJson(await this.#post("/v1/ranges:delete", body, call, smallBytesMax, idHeader(requestId)));
  }

  async write({ operations, preconditions, requestId }: BatchWrite, call: WireCall): Promise<WriteResult> {
    const conditions = preconditions.map(({ key, condition }) => ({
      ...keyToJson(key),
      ...conditionToJson(condition),
    }));
    const body = {
      operations: operations.map(operationToJson),
      preconditions: conditions.length === 0 ? undefined : conditions,
    };
    return resultFromJson(await this.#post("/v1/batch", body, call, smallBytesMax, idHeader(requestId)));
  }

  async get({ key, asOf, snapshot }: GetRequest, call: WireCall): Promise<WireVersion | undefined> {
    const segment = keySegment(key);
    if (segment.segment.length > segmentCharactersMax) {
      const request = { keys: [key], asOf, atSeq: undefined, snapshot, pageSize: 1, pageToken: "" };
      return (await this.batchGet(request, call)).items[0];
    }
    return this.#getByPath(key, segment, { at: asOf, snapshot }, call);
  }

  async batchGet(request: BatchGetRequest, call: WireCall): Promise<WirePage<WireVersion | undefined>> {
    const { keys, asOf: at, atSeq, snapshot, pageSize } = request;
    const pageToken = request.pageToken || undefined;
    const body = { keys: keys.map(keyToItem), at, atSeq, snapshot, pageSize, pageToken };
    return pageFromJson(await this.#post("/v1/get", body, call, pageBytesMax), foundFromJson);
  }

  async scan(request: ScanRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    const { range, asOf: at, snapshot, pageSize } = request;
    const [reverse, includeDeleted] = [request.reverse || undefined, request.includeDeleted || undefined];
    const pageToken = request.pageToken || undefined;
    const parameters = { ...rangeParameters(range), at, reverse, includeDeleted, snapshot, pageSize, pageToken };
    const path = target("/v1/keys", parameters);
    return pageFromJson(await this.#succeed({ method: "GET", target: path }, call, pageBytesMax), versionFromJson);
  }

  async listVersions(request: ListVersionsRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    const { key, from, to, snapshot, pageSize } = request;
    const { segment, keyEncoding } = keySegment(key);
    const [reverse, pageToken] = [request.reverse || undefined, request.pageToken || undefined];
    const path = target(`/v1/keys/${segment}/versions`, {
      ...{ from, to, reverse, snapshot, pageSize, pageToken, keyEncoding },
    });
    return pageFromJson(await this.#succeed({ method: "GET", target: path }, call, pageBytesMax), versionFromJson);
  }

  async aggregate(request: AggregateRequest, call: WireCall): Promise<WirePage<Bucket>> {
    const { key, step, from, to, snapshot, pageSize } = request;
    const { segment, keyEncoding } = keySegment(key);
    const pageToken = request.pageToken || undefined;
    const path = target(`/v1/keys/${segment}/aggregate`, {
      ...{ step, from, to, snapshot, pageSize, pageToken, keyEncoding },
    });
    return pageFromJson(await this.#succeed({ method: "GET", target: path }, call, pageBytesMax), bucketFromJson);
  }

  async diff(request: DiffRequest, call: WireCall): Promise<WirePage<WireChange>> {
    const { range, from, to, snapshot, pageSize } = request;
    const pageToken = request.pageToken || undefined;
    const path = target("/v1/diff", { ...rangeParameters(range), from, to, snapshot, pageSize, pageToken });
    return pageFromJson(await this.#succeed({ method: "GET", target: path }, call, changesBytesMax), changeFromJson);
  }

  watch(request: WatchRequest, call: WireCall): AsyncIterable<WireEvent> {
    const { range, afterSeq, initial, incarnation } = request;
    const parameters = {
      ...rangeParameters(range),
      afterSeq,
      initial: initial || undefined,
      progress: true,
      incarnation,
    };
    return watchEvents(this.#exchange, this.#url, target("/v1/watch", parameters), call);
  }

  async createSnapshot(seq: number | undefined, call: WireCall): Promise<WireLease> {
    return leaseFromJson(await this.#post("/v1/snapshots", { seq }, call, smallBytesMax));
  }

  async renewSnapshot(id: string, call: WireCall): Promise<WireLease> {
    return leaseFromJson(await this.#post(`/v1/snapshots/${id}`, {}, call, smallBytesMax));
  }

  async releaseSnapshot(id: string, call: WireCall): Promise<void> {
    await this.#succeed({ method: "DELETE", target: `/v1/snapshots/${id}` }, call);
  }

  async restore({ range, to, dryRun }: RestoreRequest, call: WireCall): Promise<WireRestored> {
    const body = { ...namedRangeToJson(range), to, dryRun };
    return restoredFromJson(await this.#post("/v1/ranges:restore", body, call, changesBytesMax));
  }

  async erase(request: EraseRequest, call: WireCall): Promise<WireOperation> {
    return operationFromJson(await this.#post("/v1/ranges:erase", eraseToJson(request, false), call, smallBytesMax));
  }

  async countErased(request: EraseRequest, call: WireCall): Promise<EraseResult> {
    return eraseResultFromJson(await this.#post("/v1/ranges:erase", eraseToJson(request, true), call, smallBytesMax));
  }

  async verify(bytesPerSecond: number | undefined, call: WireCall): Promise<WireOperation> {
    return operationFromJson(await this.#post("/v1/admin/verify", { bytesPerSecond }, call, smallBytesMax));
  }

  async checkpoint(name: string, call: WireCall): Promise<WireOperation> {
    return operationFromJson(await this.#post("/v1/admin/checkpoint", { name }, call, smallBytesMax));
  }

  async getOperation(id: string, call: WireCall): Promise<WireOperation> {
    return operationFromJson(await this.#succeed({ method: "GET", target: `/v1/operations/${id}` }, call));
  }

  async setRetention({ prefix, keepFor, dryRun }: SetRetentionRequest, call: WireCall): Promise<RetentionResult> {
    const body = JSON.stringify({ ...prefixToJson(prefix), keepFor: keepFor ?? null, dryRun });
    const headers = { "content-type": "application/json" };
    return retentionFromJson(await this.#succeed({ method: "PUT", target: "/v1/retention", headers, body }, call));
  }

  async deleteRetention({ prefix, dryRun }: DeleteRetentionRequest, call: WireCall): Promise<RetentionResult> {
    const { start, keyEncoding } = rangeParameters({ start: prefix, end: undefined });
    const path = target("/v1/retention", { prefix: start ?? "", dryRun, keyEncoding });
    return retentionFromJson(await this.#succeed({ method: "DELETE", target: path }, call));
  }

  async listRetention(call: WireCall): Promise<readonly WirePolicy[]> {
    return policiesFromJson(await this.#succeed({ method: "GET", target: "/v1/retention" }, call));
  }

  async stats(call: WireCall): Promise<StoreStats> {
    return statsFromJson(await this.#succeed({ method: "GET", target: "/v1/status" }, call));
  }

  /** Connections are the platform's, which ends those that idle. */
  close(): void {}

  async #getByPath(
    key: Uint8Array,
    { segment, keyEncoding }: KeySegment,
    view: { readonly at: number | undefined; readonly snapshot: string | undefined },
    call: WireCall,
  ): Promise<WireVersion | undefined> {
    const request = { method: "GET", target: target(`/v1/keys/${segment}`, { ...view, keyEncoding }) } as const;
    const answer = await this.#exchange.send(request, call, limits.valueBytesMax);
    if (isAbsent(answer)) return undefined;
    const value = this.#bodyOf(answer);
    const number = (name: string): number => arrivedNumber(decimal(answer.headers.get(name)), name);
    return {
      // The caller owns what is answered, and may go on using what was asked with.
      key: copyBytes(key),
      value,
      timestamp: number("kvts-timestamp"),
      seq: number("kvts-seq"),
      expiresAt: answer.headers.has("kvts-expires-at") ? number("kvts-expires-at") : undefined,
    };
  }

  #post(
    path: string,
    body: unknown,
    call: WireCall,
    bytesMax: number,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Uint8Array> {
    const headers = { ...more, "content-type": "application/json" };
    return this.#succeed({ method: "POST", target: path, headers, body: JSON.stringify(body) }, call, bytesMax);
  }

  async #succeed(request: HttpRequest, call: WireCall, bytesMax: number = smallBytesMax): Promise<Uint8Array> {
    return this.#bodyOf(await this.#exchange.send(request, call, bytesMax));
  }

  #bodyOf(answer: HttpAnswer): Uint8Array {
    if (answer.status >= 200 && answer.status <= 202) return answer.body;
    throw answerFailure(answer, this.#url, Date.now());
  }
}

/** What cannot stand at an end of a header, or in it at all. */
const unheaderable = /^ | $|\p{Cc}/u;

/** The header that names a write: its bytes of UTF-8, one a character, as headers carry them. */
function idHeader(requestId: string | undefined): Readonly<Record<string, string>> {
  if (requestId === undefined) return {};
  if (unheaderable.test(requestId)) {
    throw invalidArgument("over HTTP, a requestId has no control characters, and no spaces around it");
  }
  return { "idempotency-key": String.fromCharCode(...utf8(requestId)) };
}

/** For a key that is too long for a path. */
function batchOf({ operation, condition, requestId }: SingleWrite): BatchWrite {
  const preconditions = condition === undefined ? [] : [{ key: operation.key, condition }];
  return { operations: [operation], preconditions, requestId };
}

function decimal(text: string | null): number | string | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : text;
}
