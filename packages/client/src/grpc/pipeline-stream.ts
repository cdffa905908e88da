import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { requestHeader, validateResponse, validateTrailer } from "@connectrpc/connect/protocol-grpc";
import {
  bytesFieldBytes,
  FieldReader,
  KvService,
  numberFieldBytes,
  PipelineAnswerSchema,
  putFieldHead,
  putNumberField,
  tagOf,
  unusualMessage,
} from "@kvts/api";
import { brokenAnswer, connectionFailure } from "../failures.ts";
import type { GrpcConnection } from "./connection.ts";
import { failureOf, messageBytesMax, pipelinedFailure } from "./errors.ts";
import { emptyEnvelope, envelopeHeadBytes, FrameReader } from "./frames.ts";
import type { PipelinedCall } from "./pipelined-call.ts";

export const pipelinePath: string = `/${KvService.typeName}/${KvService.method.pipeline.name}`;

/** What servers take in one frame. */
const frameCallsMax = 1000;
/** A frame is sent on its way at this size; far below what a server takes, and no answer waits long behind it. */
const frameBytesMax = 256 * 1024;

const answersTag = tagOf(1, 2);
const idTag = tagOf(1, 0);

export interface PipelineStreamEvents {
  /** The call of this id, where it still waits for an answer. */
  find(id: number): PipelinedCall | undefined;
  /** No answers come any more. @param failure why */
  onOver(failure: unknown): void;
}

/** One stream of KvService.Pipeline, on HTTP/2's own: frames out, answers in. */
export class PipelineStream {
  readonly #url: string;
  readonly #connection: GrpcConnection;
  readonly #events: PipelineStreamEvents;
  readonly #frames: FrameReader;
  #stream: ClientHttp2Stream | undefined;
  /** Frames that wait for the stream to open. */
  #early: Buffer[] = [];
  /** The answer's headers, and the status that came last. */
  #headers: Headers | undefined;
  #failure: unknown;
  isOver = false;

  constructor(url: string, connection: GrpcConnection, headers: Headers, events: PipelineStreamEvents) {
    this.#url = url;
    this.#connection = connection;
    this.#events = events;
    this.#frames = new FrameReader(url, messageBytesMax);
    void this.#open(headers);
  }

  send(calls: readonly PipelinedCall[]): void {
    let first = 0;
    let bytes = 0;
    for (let i = 0; i < calls.length; i++) {
      const more = calls[i]!.bytes;
      if (i - first === frameCallsMax || (i > first && bytes + more > frameBytesMax)) {
        this.#write(frameOf(calls.slice(first, i)));
        first = i;
        bytes = 0;
      }
      bytes += more;
    }
    this.#write(frameOf(first === 0 ? calls : calls.slice(first)));
  }

  end(): void {
    this.isOver = true;
    this.#stream?.end();
  }

  async #open(headers: Headers): Promise<void> {
    try {
      const whole = Object.fromEntries(requestHeader(true, undefined, headers));
      const stream = await this.#connection.request("POST", pipelinePath, whole);
      this.#stream = stream;
      stream.on("response", (answer) => this.#begin(answer));
      stream.on("data", (chunk: Buffer) => this.#receive(chunk));
      stream.on("trailers", (trailers) => this.#conclude(trailers));
      stream.on("end", () => this.end());
      stream.on("error", (error) => this.#fail(error));
      stream.on("close", () => this.#close());
      for (const frame of this.#early) stream.write(frame);
      this.#early = [];
      if (this.isOver) stream.end();
    } catch (error) {
      this.#fail(error);
      this.#close();
    }
  }

  #write(frame: Buffer): void {
    if (this.#stream === undefined) this.#early.push(frame);
    else this.#stream.write(frame);
  }

  #begin(answer: IncomingHttpHeaders): void {
    this.#headers = webHeaders(answer);
    try {
      const { headerError } = validateResponse(Number(answer[":status"]), this.#headers);
      if (headerError !== undefined) throw headerError;
    } catch (error) {
      this.#abandon(error);
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.#connection.heard();
    try {
      this.#frames.add(chunk, (message) => this.#takeFrame(message));
    } catch (error) {
      this.#abandon(error);
    }
  }

  #conclude(trailers: IncomingHttpHeaders): void {
    try {
      validateTrailer(webHeaders(trailers), this.#headers ?? new Headers());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What comes from the other side makes no sense: nothing more of it is wanted. */
  #abandon(error: unknown): void {
    this.#fail(error);
    this.#stream?.destroy();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }

  #close(): void {
    this.isOver = true;
    const failure = this.#failure ?? connectionFailure(this.#url, new Error("the server ended the stream"));
    this.#events.onOver(failureOf(failure, this.#url));
  }

  /** PipelineResponse: answers = 1. */
  #takeFrame(frame: Uint8Array): void {
    const reader = new FieldReader(frame);
    while (reader.at < reader.end) {
      if (reader.tag() !== answersTag) throw brokenAnswer("a frame of answers has something else in it");
      this.#takeAnswer(frame, reader, reader.messageEnd());
    }
  }

  /** PipelineAnswer: id = 1, and one of the outcomes. */
  #takeAnswer(frame: Uint8Array, reader: FieldReader, end: number): void {
    const from = reader.at;
    try {
      const id = reader.tag() === idTag ? reader.number() : 0;
      const call = this.#events.find(id);
      if (call === undefined || id === 0) throw unusualMessage;
      const { method } = call;
      if (reader.tag() !== tagOf(method.answerField, 2) || reader.messageEnd() !== end) throw unusualMessage;
      call.answer(method.read(reader, end));
    } catch (error) {
      if (error !== unusualMessage) throw error;
      reader.at = end;
      this.#takeUnusual(frame.subarray(from, end));
    }
  }

  /** A failure, an answer of another method, or one to a call that was given up. */
  #takeUnusual(bytes: Uint8Array): void {
    const { id, outcome } = fromBinary(PipelineAnswerSchema, bytes);
    const call = this.#events.find(id);
    if (call === undefined) return;
    if (outcome.case === "error") call.fail(pipelinedFailure(outcome.value, this.#url));
    else if (outcome.case === undefined) call.fail(brokenAnswer("an answer of a pipeline says nothing"));
    else call.answerWith(() => call.method.from(outcome));
  }
}

/** PipelineRequest, in its envelope: calls = 1, of id = 1, timeout_ms = 2 and the method's field. */
function frameOf(calls: readonly PipelinedCall[]): Buffer {
  let whole = 0;
  for (const call of calls) whole += bytesFieldBytes(callBytes(call));
  const frame = emptyEnvelope(whole);
  let at = envelopeHeadBytes;
  for (const call of calls) {
    const { id, timeoutMs, method, request, bytes } = call;
    at = putFieldHead(frame, at, 1, callBytes(call));
    at = putNumberField(frame, at, 1, id);
    at = putNumberField(frame, at, 2, timeoutMs);
    at = method.put(frame, putFieldHead(frame, at, method.requestField, bytes), request);
  }
  return frame;
}

function callBytes({ id, timeoutMs, bytes }: PipelinedCall): number {
  return numberFieldBytes(id) + numberFieldBytes(timeoutMs) + bytesFieldBytes(bytes);
}

function webHeaders(headers: IncomingHttpHeaders): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(":")) web.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return web;
}
