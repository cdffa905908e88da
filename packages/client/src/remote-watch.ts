import { abortError, type EntriesSource, KvtsError } from "@kvts/common";
import type { Settings } from "./options.ts";
import { PartialState } from "./partial-state.ts";
import { retryDelayMs } from "./retry.ts";
import type { Runtime } from "./runtime.ts";
import { type WatchRequest, type Wire, type WireEvent, WireFailure } from "./wire.ts";

/** Milliseconds of silence after which a connection is taken for lost: servers say something every ten seconds. */
const silenceMsMax = 35_000;

export interface RemoteWatchOptions {
  readonly wire: Wire;
  readonly settings: Settings;
  readonly runtime: Runtime;
  readonly request: WatchRequest;
  /** Whether events without items are wanted. */
  readonly tellsProgress: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called when it is over. */
  readonly ended: () => void;
}

/**
 * A watch that goes on over lost connections, each time from the last seq that has come: nothing is left out, and nothing
 * comes twice. A state that has not come whole is asked for again, at its own seq, and given from where it broke off.
 */
export class RemoteWatch implements EntriesSource<WireEvent> {
  readonly #options: RemoteWatchOptions;
  /** Fires when nobody wants more. */
  readonly #over: AbortController = new AbortController();
  #failure: KvtsError | undefined;
  #events: AsyncIterator<WireEvent> | undefined;
  #stream: AbortController = new AbortController();
  #afterSeq: number | undefined;
  #incarnation: string | undefined;
  /** The initial state, or the rest of it, is still to come. */
  #wantsState: boolean;
  /** What has come of it. */
  #partialState: PartialState | undefined;
  #hasConnected = false;
  /** Tries since something has come. */
  #tries = 0;

  constructor(options: RemoteWatchOptions) {
    this.#options = options;
    const { request, signal } = options;
    this.#afterSeq = request.afterSeq;
    this.#incarnation = request.incarnation;
    this.#wantsState = request.initial;
    signal?.addEventListener("abort", this.#abandoned, { once: true });
  }

  async pull(): Promise<WireEvent[]> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#options.signal?.aborted === true) throw abortError(this.#options.signal);
      if (this.#over.signal.aborted) return [];
      try {
        const event = this.#arrived(await this.#next());
        if (this.#isWanted(event)) return [event];
      } catch (error) {
        await this.#lost(error);
      }
    }
  }

  interrupt(): void {
    this.#over.abort();
    this.#stream.abort();
  }

  /** Ends it with an error. */
  fail(error: KvtsError): void {
    this.#failure ??= error;
    this.interrupt();
  }

  async close(): Promise<void> {
    this.interrupt();
    this.#options.signal?.removeEventListener("abort", this.#abandoned);
    this.#options.ended();
  }

  readonly #abandoned = (): void => this.interrupt();

  async #next(): Promise<WireEvent> {
    this.#events ??= this.#open();
    const stream = this.#stream;
    const timer = setTimeout(() => stream.abort(), silenceMsMax);
    try {
      const next = await this.#events.next();
      if (next.done === true) throw new WireFailure(silentEnd(), "unknown");
      return next.value;
    } finally {
      clearTimeout(timer);
    }
  }

  #open(): AsyncIterator<WireEvent> {
    const { wire, settings, request } = this.#options;
    this.#stream = new AbortController();
    if (this.#over.signal.aborted) this.#stream.abort();
    const resumed = {
      range: request.range,
      afterSeq: this.#partialState?.seq ?? this.#afterSeq,
      initial: this.#wantsState,
      incarnation: this.#incarnation,
    };
    const call = { signal: this.#stream.signal, timeoutMs: settings.timeoutMs };
    return wire.watch(resumed, call)[Symbol.asyncIterator]();
  }

  /** Notes how far the watch has come, and takes from the event what was given before. */
  #arrived(event: WireEvent): WireEvent {
    const { seq, initial, more, incarnation } = event;
    this.#hasConnected = true;
    this.#tries = 0;
    this.#incarnation ??= incarnation;
    if (!initial) {
      // Before its state, a watch has no place to go on from.
      if (!this.#wantsState) this.#afterSeq = seq;
      return event;
    }
    const state = this.#partialState ?? new PartialState(seq);
    const items = state.take(event.items);
    this.#partialState = more ? state : undefined;
    if (!more) {
      this.#wantsState = false;
      this.#afterSeq = seq;
    }
    return { ...event, items };
  }

  #isWanted({ items, initial, more }: WireEvent): boolean {
    // The last page is wanted even where it holds nothing: the state is whole.
    return items.length > 0 || (initial && !more) || this.#options.tellsProgress;
  }

  /** Waits until it is worth another try. @throws where it is not */
  async #lost(error: unknown): Promise<void> {
    this.#events = undefined;
    if (this.#over.signal.aborted) return;
    const { settings, runtime } = this.#options;
    const failure = this.#stream.signal.aborted ? new WireFailure(silentEnd(), "unknown") : error;
    if (!(failure instanceof WireFailure)) throw failure;
    const { triesMax } = settings.retry;
    const isPassing = failure.error.code === "UNAVAILABLE" || failure.error.code === "CLOSED";
    const mayTry = this.#hasConnected ? triesMax > 1 : this.#tries + 1 < triesMax;
    if (!isPassing || !mayTry) throw failure.error;
    this.#tries++;
    const pauseMs = retryDelayMs(settings.retry, Math.min(this.#tries, 30), runtime.random, failure.retryAfterMs);
    await runtime.sleep(pauseMs, this.#over.signal).catch(() => undefined);
  }
}

function silentEnd(): KvtsError {
  return new KvtsError("UNAVAILABLE", "the connection of the watch was lost; watch again from the last seq");
}
