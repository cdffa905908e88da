import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import type { KvService, PipelineAnswer, PipelineCallSchema, PipelineRequestSchema } from "@kvts/api";
import { abandonedFailure, brokenAnswer, connectionFailure, lateFailure } from "../failures.ts";
import type { WireCall } from "../wire.ts";
import type { GrpcConnection } from "./connection.ts";
import { failureOf, pipelinedFailure } from "./errors.ts";

/** A method of a pipelined call, with its request. */
export type PipelinedMethod = NonNullable<MessageInitShape<typeof PipelineCallSchema>["method"]>;
/** What became of it. */
export type PipelinedOutcome = Exclude<PipelineAnswer["outcome"], { case: "error" | undefined }>;

type Frame = MessageInitShape<typeof PipelineRequestSchema>;

/** Something on the way, or at its end, knows no pipelines: the calls have not been looked at, and are to travel alone. */
export class PipelineRefused extends Error {
  override readonly name: string = "PipelineRefused";
}

/** What servers take in one frame. */
const frameCallsMax = 1000;
/** A frame is sent on its way at this size; far below what a server takes, and no answer waits long behind it. */
const frameBytesMax = 256 * 1024;

/**
 * Carries the calls of one client that are made in one go: they travel in one frame, and each is answered by itself. The
 * stream is opened by the first of them, and again after it was lost; what was under way on a lost one fails, as calls
 * of a lost connection do.
 */
export class Pipeline {
  readonly #url: string;
  readonly #kv: Client<typeof KvService>;
  readonly #connection: GrpcConnection;
  readonly #headers: Headers;
  /** Calls made in this turn of the event loop. */
  #gathered: Pending[] = [];
  #stream: PipelineStream | undefined;

  constructor(url: string, kv: Client<typeof KvService>, connection: GrpcConnection, headers: Headers) {
    this.#url = url;
    this.#kv = kv;
    this.#connection = connection;
    this.#headers = headers;
  }

  /**
   * @param bytes about what the call takes in a frame
   * @throws WireFailure, PipelineRefused
   */
  call(method: PipelinedMethod, bytes: number, { signal, timeoutMs }: WireCall): Promise<PipelinedOutcome> {
    return new Promise((resolve, reject) => {
      const pending = new Pending(method, bytes, timeoutMs, resolve, reject);
      pending.expireWith(() => lateFailure(this.#url));
      if (signal !== undefined) pending.abandonOn(signal, () => abandonedFailure(this.#url, signal.reason));
      // After everything that is ready to make a call has made it.
      if (this.#gathered.push(pending) === 1) process.nextTick(() => this.#send());
    });
  }

  /** Ends the stream; no call is under way. */
  close(): void {
    this.#stream?.end();
    this.#stream = undefined;
  }

  #send(): void {
    const calls = this.#gathered.filter((pending) => !pending.isSettled);
    this.#gathered = [];
    if (calls.length === 0) return;
    this.#connection.expectAnswer();
    if (this.#stream === undefined || this.#stream.isOver) this.#stream = this.#open();
    this.#stream.send(calls);
  }

  #open(): PipelineStream {
    const run = (frames: AsyncIterable<Frame>, options: CallOptions) => this.#kv.pipeline(frames, options);
    return new PipelineStream(this.#url, this.#connection, (frames) => run(frames, { headers: this.#headers }));
  }
}

/** One call, until it is answered or given up. */
class Pending {
  readonly method: PipelinedMethod;
  readonly bytes: number;
  readonly timeoutMs: number;
  isSettled = false;
  readonly #resolve: (outcome: PipelinedOutcome) => void;
  readonly #reject: (failure: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #signal: AbortSignal | undefined;
  #abandon: (() => void) | undefined;
  /** Called once it is settled, however. */
  whenSettled: () => void = () => {};

  constructor(
    method: PipelinedMethod,
    bytes: number,
    timeoutMs: number,
    resolve: (outcome: PipelinedOutcome) => void,
    reject: (failure: unknown) => void,
  ) {
    this.method = method;
    this.bytes = bytes;
    this.timeoutMs = timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  expireWith(failure: () => unknown): void {
    this.#timer = setTimeout(() => this.fail(failure()), this.timeoutMs);
  }

  abandonOn(signal: AbortSignal, failure: () => unknown): void {
    this.#signal = signal;
    this.#abandon = () => this.fail(failure());
    signal.addEventListener("abort", this.#abandon, { once: true });
  }

  answer(outcome: PipelinedOutcome): void {
    if (this.#settle()) this.#resolve(outcome);
  }

  fail(failure: unknown): void {
    if (this.#settle()) this.#reject(failure);
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.#timer);
    if (this.#abandon !== undefined) this.#signal?.removeEventListener("abort", this.#abandon);
    this.whenSettled();
    return true;
  }
}

/** One stream: frames out, answers in. */
class PipelineStream {
  readonly #url: string;
  readonly #connection: GrpcConnection;
  readonly #frames = new FrameQueue();
  readonly #pending: Map<number, Pending> = new Map();
  #lastId = 0;
  /** No answers come any more. */
  isOver = false;

  constructor(
    url: string,
    connection: GrpcConnection,
    open: (frames: AsyncIterable<Frame>) => AsyncIterable<{ readonly answers: readonly PipelineAnswer[] }>,
  ) {
    this.#url = url;
    this.#connection = connection;
    void this.#receive(open(this.#frames));
  }

  send(calls: readonly Pending[]): void {
    let frame: MessageInitShape<typeof PipelineCallSchema>[] = [];
    let bytes = 0;
    for (const pending of calls) {
      if (frame.length === frameCallsMax || (frame.length > 0 && bytes + pending.bytes > frameBytesMax)) {
        this.#frames.push({ calls: frame });
        frame = [];
        bytes = 0;
      }
      frame.push(this.#numbered(pending));
      bytes += pending.bytes;
    }
    this.#frames.push({ calls: frame });
  }

  end(): void {
    this.isOver = true;
    this.#frames.end();
  }

  #numbered(pending: Pending): MessageInitShape<typeof PipelineCallSchema> {
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    if (this.#pending.size === 0) this.#connection.hold();
    this.#pending.set(id, pending);
    pending.whenSettled = () => {
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#connection.letGo();
    };
    return { id, timeoutMs: pending.timeoutMs, method: pending.method };
  }

  async #receive(responses: AsyncIterable<{ readonly answers: readonly PipelineAnswer[] }>): Promise<void> {
    let failure: unknown = connectionFailure(this.#url, new Error("the server ended the stream"));
    try {
      for await (const { answers } of responses) {
        this.#connection.heard();
        for (const { id, outcome } of answers) this.#settle(id, outcome);
      }
    } catch (error) {
      const told = failureOf(error, this.#url);
      // Of the stream as a whole: a single call that the store does not know fails by itself.
      failure = told.error.code === "UNIMPLEMENTED" ? new PipelineRefused(told.message, { cause: told }) : told;
    }
    this.end();
    for (const pending of [...this.#pending.values()]) pending.fail(failure);
  }

  #settle(id: number, outcome: PipelineAnswer["outcome"]): void {
    // Those that were given up are not known any more.
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (outcome.case === "error") pending.fail(pipelinedFailure(outcome.value, this.#url));
    else if (outcome.case === undefined) pending.fail(brokenAnswer("an answer of a pipeline says nothing"));
    else pending.answer(outcome);
  }
}

/** Frames on their way to the transport, which takes them as fast as the connection does. */
class FrameQueue implements AsyncIterable<Frame> {
  readonly #frames: Frame[] = [];
  #ended = false;
  #wake: () => void = () => {};

  push(frame: Frame): void {
    this.#frames.push(frame);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) yield frame;
      else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
