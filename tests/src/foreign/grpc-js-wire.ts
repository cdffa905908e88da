import {
  type CheckedCondition,
  type EncodedOperation,
  KvtsError,
  type StoreStats,
  type WriteResult,
} from "@kvts/common";
import {
  type BatchGetRequest,
  type BatchWrite,
  type DiffRequest,
  type GetRequest,
  type ListVersionsRequest,
  type RangeDeletion,
  type ScanRequest,
  type SingleWrite,
  type Wire,
  type WireCall,
  type WireChange,
  WireFailure,
  type WirePage,
  type WireVersion,
} from "../../../packages/client/src/wire.ts";
import { GrpcJsChannel } from "./grpc-js-channel.ts";

/** Messages as they come: what has its default is left out. */
interface Version {
  readonly key: Buffer;
  readonly value?: Buffer;
  readonly timestamp?: number;
  readonly seq?: number;
  readonly expiresAt?: number;
}
interface Page {
  readonly nextPageToken?: string;
  readonly seq?: number;
}

/** What a store does through a client that shares no code with ours below this file. */
export class GrpcJsWire implements Wire {
  readonly #channel: GrpcJsChannel;

  constructor(url: string) {
    this.#channel = new GrpcJsChannel(url);
  }

  put(write: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { key, value, timestamp, expiresAt } = write.operation;
    return this.#write("KvService/Put", { key, value, timestamp, expiresAt, ...about(write) }, call);
  }

  delete(write: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { key, timestamp } = write.operation;
    return this.#write("KvService/Delete", { key, timestamp, ...about(write) }, call);
  }

  retract(write: SingleWrite, call: WireCall): Promise<WriteResult> {
    const { key, timestamp } = write.operation;
    return this.#write("AdminService/Retract", { key, timestamp, ...about(write) }, call);
  }

  deleteRange({ range, timestamp, requestId }: RangeDeletion, call: WireCall): Promise<WriteResult> {
    return this.#write("AdminService/DeleteRange", { range, timestamp, requestId }, call);
  }

  write({ operations, preconditions, requestId }: BatchWrite, call: WireCall): Promise<WriteResult> {
    const conditions = preconditions.map(({ key, condition }) => ({ key, condition: conditionOut(condition) }));
    const request = { operations: operations.map(operationOut), preconditions: conditions, requestId };
    return this.#write("KvService/Write", request, call);
  }

  async get(request: GetRequest, call: WireCall): Promise<WireVersion | undefined> {
    const { version } = await this.#channel.call<{ version?: Version }>("KvService/Get", request, call);
    return version && versionIn(version);
  }

  async batchGet(request: BatchGetRequest, call: WireCall): Promise<WirePage<WireVersion | undefined>> {
    type Response = Page & { items?: { version?: Version }[] };
    const page = await this.#channel.call<Response>("KvService/BatchGet", request, call);
    return pageIn(page, page.items, ({ version }) => version && versionIn(version));
  }

  async scan(request: ScanRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    const page = await this.#channel.call<Page & { versions?: Version[] }>("KvService/Scan", request, call);
    return pageIn(page, page.versions, versionIn);
  }

  async listVersions(request: ListVersionsRequest, call: WireCall): Promise<WirePage<WireVersion>> {
    const page = await this.#channel.call<Page & { versions?: Version[] }>("KvService/ListVersions", request, call);
    return pageIn(page, page.versions, versionIn);
  }

  async diff(request: DiffRequest, call: WireCall): Promise<WirePage<WireChange>> {
    type Changed = { key: Buffer; before?: Version; after?: Version };
    const page = await this.#channel.call<Page & { changes?: Changed[] }>("KvService/Diff", request, call);
    return pageIn(page, page.changes, ({ key, before, after }) => ({
      key,
      before: before && versionIn(before),
      after: after && versionIn(after),
    }));
  }

  async stats(call: WireCall): Promise<StoreStats> {
    type Response = { seq?: number; incarnation: string };
    const { seq = 0, incarnation } = await this.#channel.call<Response>("AdminService/GetStatus", {}, call);
    return { seq, incarnation };
  }

  close(): void {
    this.#channel.close();
  }

  async #write(method: string, request: object, call: WireCall): Promise<WriteResult> {
    const { timestamp = 0, seq = 0 } = await this.#channel.call<Partial<WriteResult>>(method, request, call);
    return { timestamp, seq };
  }

  // The sections of the contract that this is for do without these.
  readonly aggregate = beyond;
  readonly watch = beyond;
  readonly createSnapshot = beyond;
  readonly renewSnapshot = beyond;
  readonly releaseSnapshot = beyond;
  readonly restore = beyond;
  readonly erase = beyond;
  readonly countErased = beyond;
  readonly verify = beyond;
  readonly checkpoint = beyond;
  readonly getOperation = beyond;
  readonly setRetention = beyond;
  readonly deleteRetention = beyond;
  readonly listRetention = beyond;
}

function beyond(): never {
  throw new WireFailure(
    new KvtsError("UNIMPLEMENTED", "this client of the tests knows the core of the proto"),
    "unsent",
  );
}

function about({ condition, requestId }: SingleWrite): object {
  return { condition: condition && conditionOut(condition), requestId };
}

function conditionOut(condition: CheckedCondition): object {
  if (condition.kind === "ifAbsent") return { ifAbsent: true };
  return condition.kind === "ifSeq" ? { ifSeq: condition.seq } : { ifTimestamp: condition.timestamp };
}

function operationOut({ op, ...fields }: EncodedOperation): object {
  return { [op]: fields };
}

function pageIn<From, To>(page: Page, items: readonly From[] = [], read: (item: From) => To): WirePage<To> {
  return { items: items.map(read), nextPageToken: page.nextPageToken ?? "", seq: page.seq ?? 0 };
}

function versionIn({ key, value, timestamp = 0, seq = 0, expiresAt }: Version): WireVersion {
  // Values are bytes of their own: tests compare them with others of that kind.
  return { key: new Uint8Array(key), value: value && new Uint8Array(value), timestamp, seq, expiresAt };
}
