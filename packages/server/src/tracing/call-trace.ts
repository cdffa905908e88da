import type { IncomingHttpHeaders } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import type { Attributes, Context, SpanKind, SpanOptions, SpanStatusCode, Tracer } from "@opentelemetry/api";
import { callerAttributes, type Described, describeHttp, describeRpc } from "./attributes.ts";

/** The headers of a request. */
export type Carrier = IncomingHttpHeaders;

/** Of the API's enumerations, which are only there where the API is. */
const serverKind: SpanKind.SERVER = 1;
const errorStatus: SpanStatusCode.ERROR = 2;

/** What is an answer's status line, of HTTP. */
export interface AnswerStatus {
  readonly statusCode: number;
  readonly headersSent: boolean;
}

/** A call on its way to a span, which is made when all is known of it: nothing of it is active meanwhile. */
export class CallTrace {
  readonly #tracer: Tracer;
  readonly #parent: Context;
  readonly #carrier: Carrier;
  readonly #scheme: string;
  #method: DescMethod | undefined;
  #verb: string | undefined;
  #route: string | undefined;
  #answer: AnswerStatus | undefined;
  /** `OK`, or the code of the call's error. */
  #code: string | undefined;
  #isWanted = true;

  constructor(tracer: Tracer, parent: Context, carrier: Carrier, scheme: string) {
    this.#tracer = tracer;
    this.#parent = parent;
    this.#carrier = carrier;
    this.#scheme = scheme;
  }

  /** The call is one of HTTP. */
  isHttp(verb: string, answer: AnswerStatus): void {
    this.#verb = verb;
    this.#answer = answer;
  }

  /** The route that was found for it, as `/v1/keys/{key}`: never what the client sent. */
  isRoute(path: string): void {
    this.#route = path;
  }

  /** The call is one of gRPC, gRPC-Web or Connect. */
  isRpc(method: DescMethod): void {
    this.#method = method;
  }

  /** The call is none that anybody wants a span of, such as a probe. */
  forget(): void {
    this.#isWanted = false;
  }

  /** What became of the call. */
  settle(code: string): void {
    this.#code = code;
  }

  /**
   * A call that came on this one's stream, and has been answered. It is a trace of its own: a stream may have millions.
   * @param startedAt by `performance.now()`
   */
  part(method: DescMethod, code: string, startedAt: number, requestId: string): void {
    const described = describeRpc(method, this.#carrier, code);
    this.#emit(described, startedAt, requestId, { root: true });
  }

  /**
   * The call has ended: makes its span.
   * @param startedAt by `performance.now()`
   */
  end(startedAt: number, requestId: string): void {
    if (!this.#isWanted) return;
    const code = this.#code ?? "OK";
    if (this.#method !== undefined) {
      this.#emit(describeRpc(this.#method, this.#carrier, code), startedAt, requestId);
    } else if (this.#verb !== undefined) {
      const status = this.#answer?.headersSent === true ? this.#answer.statusCode : undefined;
      this.#emit(describeHttp(this.#verb, this.#route, status, code), startedAt, requestId);
    }
  }

  #emit(described: Described, startedAt: number, requestId: string, options: SpanOptions = {}): void {
    const attributes: Attributes = {
      ...callerAttributes(this.#carrier),
      ...described.attributes,
      "url.scheme": this.#scheme,
      "kvts.request_id": requestId,
    };
    const startTime = performance.timeOrigin + startedAt;
    const span = this.#tracer.startSpan(
      described.name,
      { ...options, kind: serverKind, startTime, attributes },
      this.#parent,
    );
    if (described.isFailure) span.setStatus({ code: errorStatus });
    span.end(performance.timeOrigin + performance.now());
  }
}
