import { abortError, type CallOptions, isKvtsError, KvtsError, throwIfAborted } from "@kvts/common";
import { checkTimeoutMs, type Settings } from "./options.ts";
import { retryDelayMs } from "./retry.ts";
import type { Runtime } from "./runtime.ts";
import { type WireCall, WireFailure } from "./wire.ts";

/** One exchange over a wire; begun anew for each try. */
export type Exchange<T> = (call: WireCall) => Promise<T>;

/**
 * Runs exchanges: each call under one deadline, whatever its tries; sent again while the server is unavailable. Knows what is under way, so that closing can wait for it.
 */
export class Caller {
  readonly #settings: Settings;
  readonly #runtime: Runtime;
  #underWay = 0;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(settings: Settings, runtime: Runtime) {
    this.#settings = settings;
    this.#runtime = runtime;
  }

  /** Runs a read, again after a failure that may pass. */
  async read<T>(options: CallOptions, exchange: Exchange<T>): Promise<T> {
    return this.#run(this.#span(options), exchange, this.#settings.retry.triesMax);
  }

  /** Begins a read of several exchanges, all under one deadline. */
  reading(options: CallOptions): <T>(exchange: Exchange<T>) => Promise<T> {
    const span = this.#span(options);
    return (exchange) => this.#run(span, exchange, this.#settings.retry.triesMax);
  }

  /**
   * Runs a write, again after a failure that may pass where it has a request id, by which the server carries it out once.
   * Where it may have happened although it fails, the error's details have `indeterminate: true`, and its request id.
   */
  async write<T>(options: CallOptions, requestId: string | undefined, exchange: Exchange<T>): Promise<T> {
    const triesMax = requestId === undefined ? 1 : this.#settings.retry.triesMax;
    let isDoubtful = false;
    const attempt: Exchange<T> = async (call) => {
      try {
        return await exchange(call);
      } catch (failure) {
        if (failure instanceof WireFailure) isDoubtful = mayHaveHappened(failure, isDoubtful);
        throw failure;
      }
    };
    try {
      return await this.#run(this.#span(options), attempt, triesMax);
    } catch (error) {
      throw isDoubtful && isKvtsError(error) ? doubtful(error, requestId) : error;
    }
  }

  /** Refuses new calls and further tries, and resolves when what is under way has settled. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #span({ signal, timeoutMs }: CallOptions): Span {
    const ms = timeoutMs === undefined ? this.#settings.timeoutMs : checkTimeoutMs(timeoutMs);
    return { signal, deadlineMs: this.#runtime.nowMs() + ms };
  }

  async #run<T>(span: Span, exchange: Exchange<T>, triesMax: number): Promise<T> {
    if (this.#closed) throw new KvtsError("CLOSED", "this client is closed; make a new one to go on");
    throwIfAborted(span.signal);
    this.#underWay++;
    try {
      return await this.#try(span, exchange, triesMax);
    } finally {
      if (--this.#underWay === 0) this.#idle?.();
    }
  }

  async #try<T>({ signal, deadlineMs }: Span, exchange: Exchange<T>, triesMax: number): Promise<T> {
    const { nowMs, random, sleep } = this.#runtime;
    for (let tries = 1; ; tries++) {
      const timeoutMs = Math.ceil(deadlineMs - nowMs());
      if (timeoutMs <= 0) throw new KvtsError("DEADLINE_EXCEEDED", lateSentence);
      try {
        return await exchange({ signal, timeoutMs });
      } catch (failure) {
        if (!(failure instanceof WireFailure)) throw failure;
        const pauseMs = retryDelayMs(this.#settings.retry, tries, random, failure.retryAfterMs);
        const hopeful = failure.error.code === "UNAVAILABLE" && tries < triesMax && nowMs() + pauseMs < deadlineMs;
        if (!hopeful || this.#closed || signal?.aborted === true) throw errorOf(failure, signal);
        await sleep(pauseMs, signal);
        if (this.#closed) throw errorOf(failure, signal);
      }
    }
  }
}

/** What a call's exchanges have in common. */
interface Span {
  readonly signal: AbortSignal | undefined;
  /** By the runtime's `nowMs`. */
  readonly deadlineMs: number;
}

const lateSentence = "the call took longer than its deadline; allow it a longer timeoutMs or ask for less";

/** What the caller gave up is the caller's doing, however the wire saw it end. */
function errorOf(failure: WireFailure, signal: AbortSignal | undefined): KvtsError {
  return signal?.aborted === true ? abortError(signal) : failure.error;
}

/** A server that judges a write's conditions has looked for its request id before: the write has not happened. */
function mayHaveHappened({ outcome, error }: WireFailure, before: boolean): boolean {
  return outcome === "unknown" || (before && error.code !== "CONFLICT");
}

function doubtful(error: KvtsError, requestId: string | undefined): KvtsError {
  const named = requestId === undefined ? {} : { requestId };
  return new KvtsError(error.code, `${error.message}; whether the write happened is not known`, {
    details: { ...error.details, indeterminate: true, ...named },
    cause: error,
  });
}
