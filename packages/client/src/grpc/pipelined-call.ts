import type { PipelineStream } from "./pipeline-stream.ts";
import type { PipelinedMethod } from "./pipelined-methods.ts";

/** What one call is made of, whatever its method. */
export interface PipelinedCallParts {
  readonly id: number;
  readonly method: PipelinedMethod<unknown, unknown>;
  readonly request: unknown;
  /** Of the request's message. */
  readonly bytes: number;
  readonly timeoutMs: number;
  /** Makes the call by itself. */
  readonly alone: () => Promise<unknown>;
}

/** Takes the call from those that wait. */
export type Forget = (call: PipelinedCall) => void;

/** One call, until it is answered or given up. */
export class PipelinedCall implements PipelinedCallParts {
  readonly id: number;
  readonly method: PipelinedMethod<unknown, unknown>;
  readonly request: unknown;
  readonly bytes: number;
  readonly timeoutMs: number;
  readonly alone: () => Promise<unknown>;
  /** By `performance.now()`. */
  readonly deadlineAt: number;
  /** The one that it was sent on. */
  stream: PipelineStream | undefined = undefined;
  isSettled = false;
  readonly #forget: Forget;
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (failure: unknown) => void;
  #signal: AbortSignal | undefined;
  #abandon: (() => void) | undefined;

  constructor(
    { id, method, request, bytes, timeoutMs, alone }: PipelinedCallParts,
    forget: Forget,
    resolve: (answer: unknown) => void,
    reject: (failure: unknown) => void,
  ) {
    this.id = id;
    this.method = method;
    this.request = request;
    this.bytes = bytes;
    this.timeoutMs = timeoutMs;
    this.alone = alone;
    this.deadlineAt = performance.now() + timeoutMs;
    this.#forget = forget;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  abandonOn(signal: AbortSignal, failure: () => unknown): void {
    this.#signal = signal;
    this.#abandon = () => this.fail(failure());
    signal.addEventListener("abort", this.#abandon, { once: true });
  }

  answer(answer: unknown): void {
    if (this.#settle()) this.#resolve(answer);
  }

  /** With what `read` returns, or fails with. */
  answerWith(read: () => unknown): void {
    try {
      this.answer(read());
    } catch (failure) {
      this.fail(failure);
    }
  }

  fail(failure: unknown): void {
    if (this.#settle()) this.#reject(failure);
  }

  /** Makes the call by itself after all. */
  goAlone(): void {
    if (this.#settle()) this.#resolve(this.alone());
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    if (this.#abandon !== undefined) this.#signal?.removeEventListener("abort", this.#abandon);
    this.#forget(this);
    return true;
  }
}
