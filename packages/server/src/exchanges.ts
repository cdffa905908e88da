import { type IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { KvtsError } from "@kvts/common";
import type { Settings } from "./options.ts";
import type { CallTrace } from "./tracing/call-trace.ts";
import type { Tracing } from "./tracing/tracing.ts";

export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

/** One request and its answer, on any port and protocol. */
export interface Exchange {
  /** Names the request in logs and answers. */
  readonly id: string;
  /** By `performance.now()`. */
  readonly startedAt: number;
  /** Where somebody looks at spans. */
  trace?: CallTrace | undefined;
  /** Fires when nobody waits for the answer any more; its reason is a KvtsError. */
  readonly signal: AbortSignal;
  /**
   * Counts bytes of the request that are now in memory, until the exchange ends.
   * @throws OVERLOADED when all requests together hold too many
   */
  hold(bytes: number): void;
  /**
   * Counts bytes of the answer to a read, before they are written, until it is out: a client that stops reading keeps
   * them in memory. Large ones leave a part of the memory to everybody else.
   * @throws OVERLOADED when all requests and answers together hold too many
   */
  holdAnswer(bytes: number): void;
  /** Counts no longer what was held and has been worked off. */
  release(bytes: number): void;
  /** Fires the signal: the answer is out, or not wanted any more. */
  abort(reason: KvtsError): void;
}

/** What there is to know of an exchange's two directions. */
export interface Channel {
  /** Whether the whole request has come in, or may take its time. */
  readonly arrived: boolean;
  /** Whether the whole answer went out. A reset HTTP/2 response counts as finished although nobody ended it. */
  readonly answered: boolean;
  /** Gives up a request that takes too long to arrive. */
  cut(): void;
  /** Hears of {@link Exchange.abort}, where it has an answer of its own to that. */
  aborted?(reason: KvtsError): void;
}

/** `starting` until there is a store to serve; work is taken while `open`. */
export type Phase = "starting" | "open" | "closing";

/** Every exchange in progress: what a drain waits for, and whose memory is bounded. */
export interface Exchanges {
  readonly phase: Phase;
  /** How many there are. */
  readonly active: number;
  /** How many bytes they hold. */
  readonly heldBytes: number;
  /** Calls `listener` after each change of phase, until the function that it returns is called. */
  onPhase(listener: () => void): () => void;
  /** From now on work is taken, unless the server is closing already. */
  start(): void;
  /** Seconds after which a client that was turned away may come again. */
  readonly retryAfterSeconds: number;
  /**
   * Begins an exchange, which ends when its answer is out or its client is gone.
   * @param isStreaming the request may take any time to come in
   */
  begin(incoming: Incoming, outgoing: Outgoing, isStreaming?: boolean): Exchange;
  /** The same for a bare stream of HTTP/2, of whose directions `channel` tells. */
  beginStream(stream: ServerHttp2Stream, channel: Channel): Exchange;
  /** @throws UNAVAILABLE before `start`, and once `drain` was called */
  checkOpen(): void;
  /** Takes no new work, and waits for the work in progress, for `timeoutMs` at most; then aborts what is left. */
  drain(timeoutMs: number): Promise<void>;
}

function messageChannel(incoming: Incoming, outgoing: Outgoing, isStreaming: boolean): Channel {
  return {
    get arrived() {
      return isStreaming || incoming.complete;
    },
    get answered() {
      return outgoing.writableEnded && outgoing.writableFinished;
    },
    cut() {
      if ("stream" in incoming) incoming.stream.close(constants.NGHTTP2_CANCEL);
      else incoming.destroy();
    },
  };
}

class TrackedExchange implements Exchange {
  readonly id: string;
  readonly channel: Channel;
  readonly startedAt: number = performance.now();
  trace: CallTrace | undefined = undefined;
  held = 0;
  readonly #budget: Budget;
  /** Made on demand: most exchanges end without anybody having asked for their signal. */
  #controller: AbortController | undefined;
  #reason: KvtsError | undefined;

  constructor(id: string, channel: Channel, budget: Budget) {
    this.id = id;
    this.channel = channel;
    this.#budget = budget;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  hold(bytes: number): void {
    this.#budget.take(bytes);
    this.held += bytes;
  }

  holdAnswer(bytes: number): void {
    this.#budget.takeAnswer(bytes);
    this.held += bytes;
  }

  release(bytes: number): void {
    // What is left goes all at once at the end, after which nothing is held.
    const held = Math.min(bytes, this.held);
    this.#budget.give(held);
    this.held -= held;
  }

  abort(reason: KvtsError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.channel.aborted?.(reason);
  }
}

interface Budget {
  readonly held: number;
  take(bytes: number): void;
  takeAnswer(bytes: number): void;
  give(bytes: number): void;
}

/** An answer above it is large. */
const smallAnswerBytesMax: number = 64 * 1024;
/** The part of the memory that large answers may fill, so that clients that do not read them shut nobody else out. */
const largeAnswersPart = 0.75;

function byteBudget(bytesMax: number): Budget {
  const largeAnswersMax = bytesMax * largeAnswersPart;
  let held = 0;
  const take = (bytes: number, max: number): void => {
    if (held + bytes > max) {
      const sentence = "the server holds as many bytes of requests and answers as it may; try again in a moment";
      throw new KvtsError("OVERLOADED", sentence, { details: { limit: bytesMax } });
    }
    held += bytes;
  };
  return {
    get held() {
      return held;
    },
    take: (bytes) => take(bytes, bytesMax),
    takeAnswer(bytes) {
      if (bytes <= smallAnswerBytesMax) take(bytes, bytesMax);
      // A server that holds next to nothing answers whatever it is asked, or a large value could never be read.
      else take(bytes, held <= smallAnswerBytesMax ? Number.POSITIVE_INFINITY : largeAnswersMax);
    },
    give(bytes) {
      held -= bytes;
    },
  };
}

class ExchangeRegistry implements Exchanges {
  phase: Phase = "starting";
  readonly #phaseListeners: Set<() => void> = new Set();
  readonly retryAfterSeconds = 1;
  readonly #active: Set<TrackedExchange> = new Set();
  readonly #budget: Budget;
  readonly #tracing: Tracing | undefined;
  readonly #requestTimeoutMs: number;
  readonly #sweeper: NodeJS.Timeout;
  /** Sets this process's requests apart from another's in shared logs. */
  readonly #idPrefix: string = Math.random().toString(36).slice(2, 8).padEnd(6, "0");
  #count = 0;
  #emptied: (() => void) | undefined;

  constructor(settings: Settings, tracing: Tracing | undefined) {
    this.#tracing = tracing;
    this.#budget = byteBudget(settings.maxBufferedBytes);
    this.#requestTimeoutMs = settings.requestTimeoutMs;
    this.#sweeper = setInterval(() => this.#cancelSlowSenders(), Math.min(settings.requestTimeoutMs, 10_000)).unref();
  }

  begin(incoming: Incoming, outgoing: Outgoing, isStreaming = false): Exchange {
    // A connection of HTTP/1.1 that goes on would be cut at the end of the drain.
    if (this.phase === "closing" && outgoing instanceof ServerResponse) outgoing.shouldKeepAlive = false;
    const exchange = this.#track(messageChannel(incoming, outgoing, isStreaming), outgoing);
    exchange.trace = this.#tracing?.begin(incoming.headers);
    exchange.trace?.isHttp(incoming.method ?? "", outgoing);
    return exchange;
  }

  beginStream(stream: ServerHttp2Stream, channel: Channel): Exchange {
    return this.#track(channel, stream);
  }

  #track(channel: Channel, ending: Outgoing | ServerHttp2Stream): TrackedExchange {
    const id = `${this.#idPrefix}-${(this.#count++).toString(36)}`;
    const exchange = new TrackedExchange(id, channel, this.#budget);
    this.#active.add(exchange);
    ending.once("close", () => this.#end(exchange));
    return exchange;
  }

  get active(): number {
    return this.#active.size;
  }

  get heldBytes(): number {
    return this.#budget.held;
  }

  checkOpen(): void {
    if (this.phase === "starting") throw starting();
    if (this.phase === "closing") throw closing();
  }

  onPhase(listener: () => void): () => void {
    this.#phaseListeners.add(listener);
    return () => void this.#phaseListeners.delete(listener);
  }

  start(): void {
    if (this.phase === "starting") this.#enter("open");
  }

  #enter(phase: Phase): void {
    this.phase = phase;
    for (const listener of this.#phaseListeners) listener();
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.phase !== "closing") this.#enter("closing");
    clearInterval(this.#sweeper);
    if (this.#active.size > 0) await this.#emptiedWithin(timeoutMs);
    if (this.#active.size === 0) return;
    for (const exchange of this.#active) exchange.abort(closing());
    await this.#emptiedWithin(abortGraceMs);
  }

  #emptiedWithin(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #end(exchange: TrackedExchange): void {
    this.#active.delete(exchange);
    exchange.release(exchange.held);
    if (!exchange.channel.answered) exchange.abort(new KvtsError("CANCELLED", "the client went away"));
    exchange.trace?.end(exchange.startedAt, exchange.id);
    if (this.#active.size === 0) this.#emptied?.();
  }

  /** HTTP/1.1 servers time out such requests themselves; HTTP/2 ones do not. */
  #cancelSlowSenders(): void {
    const startedBefore = performance.now() - this.#requestTimeoutMs;
    for (const { channel, startedAt } of this.#active) {
      if (startedAt > startedBefore) return;
      if (!channel.arrived) channel.cut();
    }
  }
}

/** What aborted handlers get to answer their clients, before the connections are cut. */
const abortGraceMs = 250;

function starting(): KvtsError {
  return new KvtsError("UNAVAILABLE", "the server is starting and opens its store; try again in a moment");
}

function closing(): KvtsError {
  return new KvtsError("UNAVAILABLE", "the server is shutting down; try again when it is back");
}

export function createExchanges(settings: Settings, tracing?: Tracing): Exchanges {
  return new ExchangeRegistry(settings, tracing);
}
