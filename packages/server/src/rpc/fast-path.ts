import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { create, type DescMethodUnary, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { KvtsError, type Logger } from "@kvts/common";
import type { Access } from "../access.ts";
import { requestTooLarge } from "../body.ts";
import type { Channel, Exchange, Exchanges } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import type { Guard } from "../guard.ts";
import { commonHeaders } from "../http/reply.ts";
import type { Service } from "../service/service.ts";
import { envelope, envelopeHeadBytes } from "./answers.ts";
import { rpcFailure, toConnectError } from "./errors.ts";
import { amendMessage } from "./grpc-message.ts";
import type { UnaryMethod } from "./unary-methods.ts";

/** Takes a stream of HTTP/2 if it can, before anything has been made for it. */
export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

export interface FastPathOptions {
  readonly guard: Guard;
  readonly exchanges: Exchanges;
  readonly access: Access;
  readonly logger: Logger;
  readonly maxRequestBytes: number;
}

const contentType = "application/grpc+proto";
/** A deadline further away than this is none: a timer's longest delay. */
const timeoutMsMax = 2 ** 31 - 1;

/**
 * Serves plain gRPC calls of a few methods from HTTP/2's own streams: no Request, no Response, no async iterables, which
 * are nine tenths of what such a call costs otherwise. On the wire there is no difference. It takes only calls of which
 * it knows everything: those with compression, JSON, a page's Origin or an odd header are left to Connect.
 */
export function createFastPath(methods: readonly UnaryMethod[], options: FastPathOptions): StreamHandler {
  const { guard } = options;
  const byPath = new Map(methods.map((method) => [pathOf(method.method), method]));
  return (stream, headers) => {
    const method = byPath.get(headers[":path"] ?? "");
    if (method === undefined || !isPlainCall(headers)) return false;
    // Whom the guard refuses is refused where all the others are.
    if (guard.check({ host: headers[":authority"] ?? headers.host, origin: undefined }) !== undefined) return false;
    const timeout = timeoutOf(headers);
    if (timeout === "invalid") return false;
    new FastCall(method, stream, timeout, options).start(headers.authorization);
    return true;
  };
}

function pathOf({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}

function isPlainCall(headers: IncomingHttpHeaders): boolean {
  const { "content-type": type, "grpc-encoding": encoding } = headers;
  return (
    (type === "application/grpc" || type === "application/grpc+proto") &&
    headers[":method"] === "POST" &&
    (encoding === undefined || encoding === "identity") &&
    headers.origin === undefined &&
    headers.expect === undefined
  );
}

/** Milliseconds; undefined without a deadline. */
function timeoutOf({ "grpc-timeout": value }: IncomingHttpHeaders): number | "invalid" | undefined {
  if (value === undefined) return undefined;
  const { timeoutMs, error } = parseTimeout(String(value), Number.MAX_SAFE_INTEGER);
  if (error !== undefined || timeoutMs === undefined) return "invalid";
  return timeoutMs > timeoutMsMax ? undefined : timeoutMs;
}

/** A stream of HTTP/2 that the fast path serves knows its call, so that its listeners need no closures. */
interface FastStream extends ServerHttp2Stream {
  [CALL]?: FastCall;
}
const CALL = Symbol("call");

/** One call, from its first bytes to its trailers. */
class FastCall implements Channel {
  readonly #method: UnaryMethod;
  readonly #stream: FastStream;
  readonly #options: FastPathOptions;
  readonly #exchange: Exchange;
  readonly #deadline: NodeJS.Timeout | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #answered = false;
  /** Once the call is admitted. */
  #service: Service | undefined;

  constructor(method: UnaryMethod, stream: FastStream, timeoutMs: number | undefined, options: FastPathOptions) {
    this.#method = method;
    this.#stream = stream;
    this.#options = options;
    this.#exchange = options.exchanges.beginStream(stream, this);
    this.#deadline = timeoutMs === undefined ? undefined : setTimeout(() => this.#expire(), timeoutMs);
    stream[CALL] = this;
  }

  start(authorization: string | undefined): void {
    const stream = this.#stream;
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("error", onError);
    if (this.#deadline !== undefined) stream.on("close", onClose);
    try {
      const { exchanges, access } = this.#options;
      exchanges.checkOpen();
      this.#service = access.serviceFor(authorization);
    } catch (error) {
      this.#fail(error);
    }
  }

  get arrived(): boolean {
    return this.#stream.readableEnded;
  }

  get answered(): boolean {
    return this.#answered && this.#stream.writableFinished;
  }

  cut(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  take(chunk: Buffer): void {
    if (this.#answered) return;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    try {
      const { maxRequestBytes } = this.#options;
      const first = this.#chunks[0]!;
      // A head that is split over chunks announces nothing; then the bytes that follow it are counted.
      const announced = first.length < envelopeHeadBytes ? 0 : first.readUInt32BE(1);
      if (Math.max(announced, this.#bytes - envelopeHeadBytes) > maxRequestBytes) {
        throw requestTooLarge(maxRequestBytes);
      }
      this.#exchange.hold(chunk.length);
    } catch (error) {
      this.#fail(error, "transport");
    }
  }

  async run(): Promise<void> {
    if (this.#answered || this.#stream.aborted) return;
    const { method, run, message, answer } = this.#method;
    try {
      const request = decode(method, messageIn(this.#body()));
      const result = await run(request, { service: this.#service!, signal: this.#exchange.signal, encoding: "binary" });
      if (this.#answered) return;
      this.#succeed(answer?.(result) ?? envelope(toBinary(method.output, create(method.output, message(result)))));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nobody waits for the answer any more. */
  leave(): void {
    clearTimeout(this.#deadline);
  }

  #body(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
  }

  #succeed(answer: Buffer): void {
    this.#answered = true;
    this.#log("OK");
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.respond(this.#headers(), { waitForTrailers: true });
    stream.on("wantTrailers", onWantTrailers);
    stream.end(answer);
  }

  #fail(error: unknown, limit: "store" | "transport" = "store"): void {
    if (this.#answered) return;
    this.#answered = true;
    const { logger, exchanges } = this.#options;
    const { id, signal } = this.#exchange;
    const { method, kind } = this.#method;
    const known = toKnownFailure(rpcFailure(error, signal), { requestId: id, call: method.name, logger });
    this.#log(known.code);
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const failure = toConnectError(known, { call: kind, limit, retryAfterSeconds: exchanges.retryAfterSeconds });
    const status = setTrailerStatus(new Headers(), failure);
    amendMessage(status);
    stream.respond({ ...this.#headers(), ...Object.fromEntries(status) }, { endStream: true });
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #log(status: string): void {
    this.#options.logger.debug({ requestId: this.#exchange.id, call: this.#method.method.name, status }, "answered");
  }

  #expire(): void {
    const sentence = "the call took longer than its deadline; allow it more time or ask for less";
    const expired = new KvtsError("DEADLINE_EXCEEDED", sentence);
    this.#exchange.abort(expired);
    this.#fail(expired);
  }

  #headers(): Record<string, string | number> {
    return { ":status": 200, "content-type": contentType, ...commonHeaders(this.#exchange.id) };
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
  this.sendTrailers({ "grpc-status": "0" });
}

/**
 * The one message in what a client sent.
 * @throws INVALID_ARGUMENT for none, several, one cut short, or one that is compressed without saying how
 */
function messageIn(sent: Buffer): Uint8Array {
  if (sent.length === 0) throw malformed("it has no message");
  if (sent.length < envelopeHeadBytes) throw malformed(`its message ends after ${sent.length} bytes`);
  if (sent[0] !== 0) throw malformed("its message is compressed, and grpc-encoding does not say how");
  const length = sent.readUInt32BE(1);
  const message = sent.subarray(envelopeHeadBytes);
  if (message.length < length) throw malformed(`its message has ${message.length} of ${length} bytes`);
  if (message.length > length) throw malformed("it has more than one message");
  return message;
}

function decode(method: DescMethodUnary, message: Uint8Array): Message {
  try {
    return fromBinary(method.input, message);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
}

function malformed(reason: string): KvtsError {
  return new KvtsError("INVALID_ARGUMENT", `the request is no call of this method: ${reason}`);
}
