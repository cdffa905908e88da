import { abandonedFailure, lateFailure } from "../failures.ts";
import { type WireCall, WireFailure } from "../wire.ts";
import type { GrpcConnection } from "./connection.ts";
import { PipelineStream } from "./pipeline-stream.ts";
import { PipelinedCall } from "./pipelined-call.ts";
import type { PipelinedMethod } from "./pipelined-methods.ts";

/** A timer's longest delay. */
const timeoutMsMax = 2 ** 31 - 1;

/**
 * Carries the calls of one client that are made in one go: they travel in one frame, and each is answered by itself. The
 * stream is opened by the first of them, and again after it was lost; what was under way on a lost one fails, as calls
 * of a lost connection do. Where something on the way, or at its end, knows no pipelines, they have not been looked at,
 * and travel alone.
 */
export class Pipeline {
  readonly #url: string;
  readonly #connection: GrpcConnection;
  readonly #headers: Headers;
  readonly #onRefused: () => void;
  /** Calls made in this turn of the event loop. */
  #gathered: PipelinedCall[] = [];
  /** All that wait for their answers, by their ids. */
  readonly #waiting: Map<number, PipelinedCall> = new Map();
  #lastId = 0;
  #stream: PipelineStream | undefined;
  /** One for all calls, due at the first deadline of those that were there when it was set, or before. */
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  /** @param onRefused called once it is clear that there are no pipelines at the other end */
  constructor(url: string, connection: GrpcConnection, headers: Headers, onRefused: () => void) {
    this.#url = url;
    this.#connection = connection;
    this.#headers = headers;
    this.#onRefused = onRefused;
  }

  /**
   * @param bytes what the request's message takes
   * @param alone makes the call by itself
   * @throws WireFailure
   */
  call<Q, A>(
    method: PipelinedMethod<Q, A>,
    request: Q,
    bytes: number,
    { signal, timeoutMs }: WireCall,
    alone: () => Promise<A>,
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      const parts = { id: this.#nextId(), method, request, bytes, timeoutMs, alone };
      const call = new PipelinedCall(parts, this.#forget, resolve as (answer: unknown) => void, reject);
      if (this.#waiting.size === 0) this.#connection.hold();
      this.#waiting.set(call.id, call);
      if (call.deadlineAt < this.#dueAt) this.#wakeAt(call.deadlineAt);
      if (signal !== undefined) call.abandonOn(signal, () => abandonedFailure(this.#url, signal.reason));
      // After everything that is ready to make a call has made it.
      if (this.#gathered.push(call) === 1) process.nextTick(this.#send);
    });
  }

  /** Ends the stream; no call is under way. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stream?.end();
    this.#stream = undefined;
  }

  #nextId(): number {
    // 0 is none, and after 2^32 - 1 it begins anew.
    this.#lastId = (this.#lastId + 1) >>> 0 || 1;
    return this.#lastId;
  }

  readonly #forget = ({ id }: PipelinedCall): void => {
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#connection.letGo();
  };

  readonly #send = (): void => {
    const gathered = this.#gathered;
    this.#gathered = [];
    const calls = gathered.every(isWaiting) ? gathered : gathered.filter(isWaiting);
    if (calls.length === 0) return;
    this.#connection.expectAnswer();
    if (this.#stream === undefined || this.#stream.isOver) this.#stream = this.#open();
    for (const call of calls) call.stream = this.#stream;
    this.#stream.send(calls);
  };

  #open(): PipelineStream {
    const stream: PipelineStream = new PipelineStream(this.#url, this.#connection, this.#headers, {
      find: (id) => this.#waiting.get(id),
      onOver: (failure) => this.#over(stream, failure),
    });
    return stream;
  }

  #over(stream: PipelineStream, failure: unknown): void {
    const lost = [...this.#waiting.values()].filter((call) => call.stream === stream);
    // Of the stream as a whole: a single call that the store does not know fails by itself.
    if (failure instanceof WireFailure && failure.error.code === "UNIMPLEMENTED") {
      this.#onRefused();
      for (const call of lost) call.goAlone();
    } else {
      for (const call of lost) call.fail(failure);
    }
  }

  #wakeAt(dueAt: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    // What keeps the process alive meanwhile is the connection, held by the calls.
    const delay = Math.min(Math.max(1, Math.ceil(dueAt - performance.now())), timeoutMsMax);
    this.#timer = setTimeout(() => this.#expire(), delay).unref();
  }

  #expire(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    this.#dueAt = next;
    for (const call of [...this.#waiting.values()]) {
      if (call.deadlineAt <= now) call.fail(lateFailure(this.#url));
      else next = Math.min(next, call.deadlineAt);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#wakeAt(next);
  }
}

function isWaiting({ isSettled }: PipelinedCall): boolean {
  return !isSettled;
}
