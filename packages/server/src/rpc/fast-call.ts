import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { invariant, isKvtsError, KvtsError, type Logger } from "@kvts/common";
import type { Access } from "../access.ts";
import { requestTooLarge } from "../body.ts";
import type { Channel, Exchange, Exchanges } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import { commonHeaders } from "../http/reply.ts";
import type { CallMeter } from "../metrics/calls.ts";
import type { Service } from "../service/service.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { envelopeHeadBytes } from "./answers.ts";
import { type RpcErrorContext, rpcFailure, toConnectError } from "./errors.ts";
import { amendMessage } from "./grpc-message.ts";

export interface FastCallOptions {
  readonly exchanges: Exchanges;
  readonly access: Access;
  readonly calls: CallMeter;
  readonly tracing: Tracing | undefined;
  readonly logger: Logger;
  readonly maxRequestBytes: number;
}

const contentType = "application/grpc+proto";

/** A stream of HTTP/2 that the fast path serves knows its call, so that its listeners need no closures. */
interface FastStream extends ServerHttp2Stream {
  [CALL]?: FastCall;
}
const CALL: unique symbol = Symbol("call");

/** One call of one request, from its first bytes to its trailers. What comes in between is its method's business. */
export abstract class FastCall<M extends DescMethod = DescMethod> implements Channel {
  protected readonly method: M;
  protected readonly stream: ServerHttp2Stream;
  protected readonly options: FastCallOptions;
  protected readonly exchange: Exchange;
  readonly #kind: RpcErrorContext["call"];
  readonly #deadline: NodeJS.Timeout | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isOver = false;
  #trailers: Readonly<Record<string, string>> = { "grpc-status": "0" };
  /** Once the call is admitted. */
  #service: Service | undefined;

  constructor(
    method: M,
    kind: RpcErrorContext["call"],
    stream: ServerHttp2Stream,
    timeoutMs: number | undefined,
    options: FastCallOptions,
  ) {
    this.method = method;
    this.#kind = kind;
    this.stream = stream;
    this.options = options;
    this.exchange = options.exchanges.beginStream(stream, this);
    this.#deadline = timeoutMs === undefined ? undefined : setTimeout(() => this.#expire(), timeoutMs);
    (stream as FastStream)[CALL] = this;
  }

  start(headers: IncomingHttpHeaders): void {
    this.#trace(headers);
    const stream: FastStream = this.stream;
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("error", onError);
    if (this.#deadline !== undefined) stream.on("close", onClose);
    try {
      const { exchanges, access } = this.options;
      exchanges.checkOpen();
      this.#service = access.serviceFor(headers.authorization);
    } catch (error) {
      this.fail(error);
    }
  }

  get arrived(): boolean {
    return this.stream.readableEnded;
  }

  get answered(): boolean {
    return this.#isOver && this.stream.writableFinished;
  }

  cut(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  take(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    try {
      const { maxRequestBytes } = this.options;
      const first = this.#chunks[0]!;
      // A head that is split over chunks announces nothing; then the bytes that follow it are counted.
      const announced = first.length < envelopeHeadBytes ? 0 : first.readUInt32BE(1);
      if (Math.max(announced, this.#bytes - envelopeHeadBytes) > maxRequestBytes) {
        throw requestTooLarge(maxRequestBytes);
      }
      this.exchange.hold(chunk.length);
    } catch (error) {
      this.fail(error, "transport");
    }
  }

  /** The whole request is there. */
  async run(): Promise<void> {
    if (this.#isOver || this.stream.aborted) return;
    try {
      await this.answer();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Nobody waits for the answer any more. */
  leave(): void {
    clearTimeout(this.#deadline);
  }

  /** The call is given up, by the server that closes or with its client. */
  aborted(reason: KvtsError): void {
    this.fail(reason);
  }

  /** Answers the request. What it throws is what the client is told. */
  protected abstract answer(): Promise<void>;

  protected get service(): Service {
    invariant(this.#service !== undefined, "every call was admitted");
    return this.#service;
  }

  /** The answer has ended, or is not wanted any more. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  /** What `read` finds in the request's one message. @throws INVALID_ARGUMENT */
  protected request<T>(read: (message: Uint8Array) => T): T {
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    const message = messageIn(body);
    try {
      return read(message);
    } catch (error) {
      if (isKvtsError(error)) throw error;
      throw malformed(error instanceof Error ? error.message : String(error));
    }
  }

  /** What was received has been worked off, long before the call ends. */
  protected letRequestGo(): void {
    this.#chunks = [];
    this.exchange.release(this.#bytes);
  }

  /** Begins the answer. */
  protected respond(): void {
    const { stream } = this;
    stream.respond(this.#headers(), { waitForTrailers: true });
    stream.on("wantTrailers", onWantTrailers);
  }

  /** The answer is whole with `last`. */
  protected succeed(last?: Buffer): void {
    this.#isOver = true;
    this.#log("OK");
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    if (!stream.headersSent) this.respond();
    stream.end(last);
  }

  protected fail(error: unknown, limit: "store" | "transport" = "store"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { logger, exchanges } = this.options;
    const { id, signal } = this.exchange;
    const known = toKnownFailure(rpcFailure(error, signal), { requestId: id, call: this.method.name, logger });
    this.#log(known.code);
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    const failure = toConnectError(known, { call: this.#kind, limit, retryAfterSeconds: exchanges.retryAfterSeconds });
    const status = setTrailerStatus(new Headers(), failure);
    amendMessage(status);
    this.#endWith(Object.fromEntries(status));
  }

  sendTrailers(): void {
    this.stream.sendTrailers(this.#trailers);
  }

  #endWith(status: Readonly<Record<string, string>>): void {
    const { stream } = this;
    if (stream.headersSent) {
      this.#trailers = status;
      stream.end();
      return;
    }
    stream.respond({ ...this.#headers(), ...status }, { endStream: true });
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #log(status: string): void {
    const { calls, logger } = this.options;
    const { id: requestId } = this.exchange;
    const { name } = this.method;
    calls.count("grpc", name, status, this.exchange);
    logger.debug({ requestId, call: name, status }, "answered");
  }

  #trace(headers: IncomingHttpHeaders): void {
    const trace = this.options.tracing?.begin(headers);
    if (trace === undefined) return;
    trace.isRpc(this.method);
    this.exchange.trace = trace;
  }

  #expire(): void {
    const sentence = "the call took longer than its deadline; allow it more time or ask for less";
    const expired = new KvtsError("DEADLINE_EXCEEDED", sentence);
    this.exchange.abort(expired);
    this.fail(expired);
  }

  #headers(): Record<string, string | number> {
    return { ":status": 200, "content-type": contentType, ...commonHeaders(this.exchange.id) };
  }
}

function onData(this: FastStream, chunk: Buffer): void {
  this[CALL]!.take(chunk);
}

function onEnd(this: FastStream): void {
  void this[CALL]!.run();
}

function onClose(this: FastStream): void {
  this[CALL]!.leave();
}

/** The client is gone, or its connection broke: nobody is left to be told. */
function onError(): void {}

function onWantTrailers(this: FastStream): void {
  this[CALL]!.sendTrailers();
}

/**
 * The one message in what a client sent.
 * @throws INVALID_ARGUMENT for none, several, one cut short, or one that is compressed without saying how
 */
function messageIn(sent: Buffer): Uint8Array {
  if (sent.length === 0) throw malformed("it has no message");
  if (sent.length < envelopeHeadBytes) throw malformed(`its message ends after ${sent.length} bytes`);
  checkEnvelope(sent[0]!);
  const length = sent.readUInt32BE(1);
  const message = sent.subarray(envelopeHeadBytes);
  if (message.length < length) throw malformed(`its message has ${message.length} of ${length} bytes`);
  if (message.length > length) throw malformed("it has more than one message");
  return message;
}

/** @throws INVALID_ARGUMENT for flags of an envelope that say that its message is more than a message */
export function checkEnvelope(flags: number): void {
  if (flags !== 0) throw malformed("its message is compressed, and grpc-encoding does not say how");
}

export function malformed(reason: string): KvtsError {
  return new KvtsError("INVALID_ARGUMENT", `the request is no call of this method: ${reason}`);
}
