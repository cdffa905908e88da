import { abortError, type CallOptions, KvtsError, throwIfAborted } from "@kvts/common";
import { checkTimeoutMs, type Settings } from "./options.ts";
import { retryDelayMs } from "./retry.ts";
import type { Runtime } from "./runtime.ts";
import { type WireCall, WireFailure } from "./wire.ts";

/** One exchange over a wire; begun anew for each try. */
export type Exchange<T> = (call: WireCall) => Promise<T>;

/**
 * Runs exchanges: each call under one deadline, whatever its tries; reads sent again while the server is unavailable;
 * writes sent once. Knows what is under way, so that closing can wait for it.
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
    return this.#run(this.#span(options), exchange, this.#settings.retry.triesMax, errorOfRead);
  }

  /** Begins a read of several exchanges, all under one deadline. */
  reading(options: CallOptions): <T>(exchange: Exchange<T>) => Promise<T> {
    const span = this.#span(options);
    return (exchange) => this.#run(span, exchange, this.#settings.retry.triesMax, errorOfRead);
  }

  /** Runs a write, once. Where it may have happened all the same, the error's details have `indeterminate: true`. */
  async write<T>(options: CallOptions, exchange: Exchange<T>): Promise<T> {
    return this.#run(this.#span(options), exchange, 1, errorOfWrite);
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

  async #run<T>(span: Span, exchange: Exchange<T>, triesMax: number, errorOf: ErrorOf): Promise<T> {
    if (this.#closed) throw new KvtsError("CLOSED", "this client is closed; make a new one to go on");
    throwIfAborted(span.signal);
    this.#underWay++;
    try {
      return await this.#try(span, exchange, triesMax, errorOf);
    } finally {
      if (--this.#underWay === 0) this.#idle?.();
    }
  }

  async #try<T>({ signal, deadlineMs }: Span, exchange: Exchange<T>, triesMax: number, errorOf: ErrorOf): Promise<T> {
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

type ErrorOf = (failure: WireFailure, signal: AbortSignal | undefined) => KvtsError;

/** What the caller gave up is the caller's doing, however the wire saw it end. */
function errorOfRead(failure: WireFailure, signal: AbortSignal | undefined): KvtsError {
  return signal?.aborted === true ? abortError(signal) : failure.error;
}

function errorOfWrite(failure: WireFailure, signal: AbortSignal | undefined): KvtsError {
  const error = errorOfRead(failure, signal);
  if (failure.outcome !== "unknown") return error;
  return new KvtsError(error.code, `${error.message}; whether the write happened is not known`, {
    details: { ...error.details, indeterminate: true },
    cause: error,
  });
}
