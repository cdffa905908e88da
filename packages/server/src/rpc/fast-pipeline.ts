import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  bytesFieldBytes,
  FieldReader,
  KvService,
  numberFieldBytes,
  PipelineCallSchema,
  type PipelineError,
  PipelineErrorSchema,
  putFieldHead,
  putNumberField,
  tagOf,
  unusualMessage,
} from "@kvts/api";
import { isKvtsError } from "@kvts/common";
import { requestTooLarge } from "../body.ts";
import { type AnswerWriter, emptyEnvelope, envelopeHeadBytes } from "./answers.ts";
import { checkEnvelope, FastCall, type FastCallOptions, malformed } from "./fast-call.ts";
import { callIn } from "./pipeline.ts";
import {
  type Answered,
  callsUnderWayMax,
  errorField,
  frameBytesMax,
  methodByField,
  PipelineCalls,
  type ReceivedCall,
} from "./pipeline-calls.ts";

/** An answer that waits for its frame. */
interface ReadyAnswer {
  readonly id: number;
  readonly field: number;
  readonly writer: AnswerWriter<unknown>;
  readonly result: unknown;
  /** Of what stands behind the outcome's tag and length, and of the whole PipelineAnswer. */
  readonly outcomeBytes: number;
  readonly bytes: number;
  /** What the exchange holds for it. */
  readonly heldBytes: number;
}

const callsTag = tagOf(1, 2);
const idTag = tagOf(1, 0);
const timeoutTag = tagOf(2, 0);

/** A call of Pipeline: frames of calls as they come in, frames of answers as they get ready. */
export class FastPipeline extends FastCall<typeof KvService.method.pipeline> {
  #calls: PipelineCalls | undefined;
  /** What has come in of a frame that is not whole. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  #bytesWanted = envelopeHeadBytes;
  #ready: ReadyAnswer[] = [];
  #isFlushing = false;
  /** What the exchange holds for answers that were written and not yet taken. */
  #untakenBytes = 0;
  /** The client takes answers more slowly than they get ready. */
  #isFull = false;
  /** No more frames are taken. */
  #isEnding = false;
  #failure: unknown;
  readonly #offPhase: () => void;

  constructor(stream: ServerHttp2Stream, timeoutMs: number | undefined, options: FastCallOptions) {
    super(KvService.method.pipeline, "write", stream, timeoutMs, options);
    const { exchanges } = options;
    this.#offPhase = exchanges.onPhase(() => {
      if (exchanges.phase === "closing") this.#end();
    });
  }

  override start(headers: IncomingHttpHeaders): void {
    this.stream.on("close", () => this.leave());
    super.start(headers);
  }

  /** Frames may take any time to come; once it is over, nothing of the request is of use. */
  override get arrived(): boolean {
    return !this.isOver || super.arrived;
  }

  override leave(): void {
    super.leave();
    this.#offPhase();
    this.#calls?.stop();
  }

  override take(chunk: Buffer): void {
    if (this.isOver || this.#isEnding) return;
    try {
      this.exchange.hold(chunk.length);
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= this.#bytesWanted) this.#takeFrames();
    } catch (error) {
      this.#end(error);
    }
    this.#paceClient();
  }

  /** No more frames come. */
  protected override async answer(): Promise<void> {
    if (this.#isEnding) return;
    this.#end(this.#bytes === 0 ? undefined : malformed(`its last frame ends after ${this.#bytes} bytes`));
  }

  #takeFrames(): void {
    const received = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    let at = 0;
    for (;;) {
      this.#bytesWanted = envelopeHeadBytes;
      if (received.length - at < envelopeHeadBytes) break;
      checkEnvelope(received[at]!);
      const length = received.readUInt32BE(at + 1);
      if (length > this.options.maxRequestBytes) throw requestTooLarge(this.options.maxRequestBytes);
      this.#bytesWanted = envelopeHeadBytes + length;
      if (received.length - at < this.#bytesWanted) break;
      const from = at + envelopeHeadBytes;
      at = from + length;
      this.#begin(new Uint8Array(received.buffer, received.byteOffset + from, length));
    }
    this.exchange.release(at);
    this.#chunks = at === received.length ? [] : [received.subarray(at)];
    this.#bytes = received.length - at;
  }

  #begin(frame: Uint8Array): void {
    this.#calls ??= new PipelineCalls(
      this.service,
      this.exchange,
      { ...this.options, retryAfterSeconds: this.options.exchanges.retryAfterSeconds },
      { onAnswer: (answer) => this.#answerReady(answer), onSettled: () => this.#settled() },
    );
    this.#calls.begin(readFrame(frame));
  }

  #answerReady(answer: Answered): void {
    this.#ready.push(answer.error === undefined ? readyAnswer(answer) : readyError(answer.id, answer.error));
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // After everything that is ready to be answered has been: it shares a frame.
    process.nextTick(() => this.#flush());
  }

  #settled(): void {
    if (this.#isEnding) this.#finish();
    else if (this.stream.isPaused()) this.#paceClient();
  }

  #flush(): void {
    this.#isFlushing = false;
    while (this.#ready.length > 0 && !this.#isFull && !this.isOver) {
      if (!this.stream.headersSent) this.respond();
      if (this.stream.write(this.#nextFrame())) this.#taken();
      else this.#waitForClient();
    }
    this.#finish();
    this.#paceClient();
  }

  #waitForClient(): void {
    this.#isFull = true;
    this.stream.once("drain", () => {
      this.#isFull = false;
      this.#taken();
      this.#flush();
    });
  }

  #taken(): void {
    this.exchange.release(this.#untakenBytes);
    this.#untakenBytes = 0;
  }

  /** What is ready, as far as clients of the usual limits take it in one message. */
  #nextFrame(): Buffer {
    let count = 0;
    let bytes = 0;
    for (; count < this.#ready.length && bytes < frameBytesMax; count++) bytes += this.#ready[count]!.bytes + 1;
    const answers = count === this.#ready.length ? this.#ready : this.#ready.slice(0, count);
    this.#ready = count === this.#ready.length ? [] : this.#ready.slice(count);
    let whole = 0;
    for (const answer of answers) whole += bytesFieldBytes(answer.bytes);
    const frame = emptyEnvelope(whole);
    let at = envelopeHeadBytes;
    for (const answer of answers) {
      at = putAnswer(frame, at, answer);
      this.#untakenBytes += answer.heldBytes;
    }
    return frame;
  }

  /** A client that does not take its answers, or has very many calls under way, sends no more for now. */
  #paceClient(): void {
    const waiting = (this.#calls?.underWay ?? 0) + this.#ready.length;
    const isSlow = this.#isFull || waiting > callsUnderWayMax;
    if (isSlow === this.stream.isPaused()) return;
    if (isSlow && !this.isOver && !this.#isEnding) this.stream.pause();
    else this.stream.resume();
  }

  /** Takes no more, answers what is under way, and then ends the stream; with the failure, where there is one. */
  #end(failure?: unknown): void {
    this.#isEnding = true;
    this.#failure ??= failure;
    this.#chunks = [];
    this.#finish();
    this.#paceClient();
  }

  #finish(): void {
    if (!this.#isEnding || this.isOver || this.#ready.length > 0 || (this.#calls?.underWay ?? 0) > 0) return;
    this.#offPhase();
    this.#calls?.stop();
    if (this.#failure === undefined) this.succeed();
    else this.fail(this.#failure, "transport");
  }

  protected override fail(error: unknown, limit?: "store" | "transport"): void {
    this.#offPhase();
    this.#calls?.stop();
    super.fail(error, limit);
  }
}

/** PipelineRequest: calls = 1. @throws as protobuf's library does, for what is none */
function readFrame(frame: Uint8Array): ReceivedCall[] {
  const calls: ReceivedCall[] = [];
  const reader = new FieldReader(frame);
  try {
    while (reader.at < reader.end) {
      if (reader.tag() !== callsTag) throw unusualMessage;
      calls.push(readCall(frame, reader.messageEnd(), reader));
    }
    return calls;
  } catch (error) {
    if (isKvtsError(error)) throw error;
    throw malformed(error instanceof Error ? error.message : String(error));
  }
}

/** PipelineCall: id = 1, timeout_ms = 2, and one of the methods. */
function readCall(frame: Uint8Array, end: number, reader: FieldReader): ReceivedCall {
  const from = reader.at;
  try {
    return readUsualCall(frame, end, reader);
  } catch (error) {
    if (error !== unusualMessage) throw error;
    reader.at = end;
    return callIn(fromBinary(PipelineCallSchema, frame.subarray(from, end)));
  }
}

function readUsualCall(frame: Uint8Array, end: number, reader: FieldReader): ReceivedCall {
  let id = 0;
  let timeoutMs = 0;
  let tag = reader.tag();
  if (tag === idTag) {
    id = reader.number();
    tag = reader.tag();
  }
  if (tag === timeoutTag) {
    timeoutMs = reader.number();
    tag = reader.tag();
  }
  const method = methodByField[tag >> 3];
  if (method?.read === undefined || id > uint32Max || timeoutMs > uint32Max) throw unusualMessage;
  const methodEnd = reader.messageEnd();
  if (methodEnd !== end) throw unusualMessage;
  const from = reader.at;
  reader.at = end;
  const bytes = end - from;
  try {
    return { id, timeoutMs, bytes, method, asked: method.read(new FieldReader(frame, from, end)), failure: undefined };
  } catch (failure) {
    if (failure === unusualMessage) throw failure;
    return { id, timeoutMs, bytes, method, asked: undefined, failure };
  }
}

const uint32Max = 2 ** 32 - 1;

function readyAnswer({ id, method, result, heldBytes }: Extract<Answered, { method: unknown }>): ReadyAnswer {
  return ready(id, method.answerField, method.answer, result, heldBytes);
}

function readyError(id: number, error: PipelineError): ReadyAnswer {
  return ready(id, errorField, bytesWriter, toBinary(PipelineErrorSchema, error), 0);
}

function ready(
  id: number,
  field: number,
  writer: AnswerWriter<unknown>,
  result: unknown,
  heldBytes: number,
): ReadyAnswer {
  const outcomeBytes = writer.bytes(result);
  const bytes = numberFieldBytes(id) + bytesFieldBytes(outcomeBytes);
  return { id, field, writer, result, outcomeBytes, bytes, heldBytes };
}

/** A message that is written already. */
const bytesWriter = {
  bytes: (message: Uint8Array) => message.length,
  put: (target: Uint8Array, at: number, message: Uint8Array) => {
    target.set(message, at);
    return at + message.length;
  },
} as AnswerWriter<unknown>;

/** In PipelineResponse: answers = 1, of id = 1 and the outcome's field. */
function putAnswer(
  frame: Buffer,
  start: number,
  { id, field, writer, result, outcomeBytes, bytes }: ReadyAnswer,
): number {
  let at = putFieldHead(frame, start, 1, bytes);
  at = putNumberField(frame, at, 1, id);
  return writer.put(frame, putFieldHead(frame, at, field, outcomeBytes), result);
}
