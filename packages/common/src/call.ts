import { KvtsError } from "./errors.ts";
import { checkPositiveInteger } from "./numbers.ts";
import type { CallOptions } from "./store.ts";

/** Longest timer that runtimes keep; a longer one would fire at once. */
const timeoutMsMax = 2 ** 31 - 1;

/** The error of a call whose signal has fired: DEADLINE_EXCEEDED after a timeout, otherwise CANCELLED. */
export function abortError(signal: AbortSignal): KvtsError {
  const reason: unknown = signal.reason;
  const timedOut = reason instanceof Error && reason.name === "TimeoutError";
  return timedOut
    ? new KvtsError("DEADLINE_EXCEEDED", "the call took longer than its deadline; allow it more time or ask for less", {
        cause: reason,
      })
    : new KvtsError("CANCELLED", "the call was cancelled by its abort signal", { cause: reason });
}

/** @throws CANCELLED or DEADLINE_EXCEEDED once `signal` has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/** One signal for a call's `signal` and `timeoutMs` together; `undefined` when it has neither. */
export function callSignal(options: CallOptions | undefined): AbortSignal | undefined {
  const timeoutMs = options?.timeoutMs;
  if (timeoutMs === undefined) return options?.signal;
  const timeout = AbortSignal.timeout(Math.min(checkPositiveInteger(timeoutMs, "timeoutMs"), timeoutMsMax));
  return options?.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
}

/** What `promise` becomes, or the error of `signal` when that fires first. The promise itself runs on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(abortError(signal));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
