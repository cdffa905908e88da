import type { Exchanges } from "./exchanges.ts";

/** Resolves at the next change of phase, or when `signal` fires. */
export function nextPhase(exchanges: Exchanges, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      off();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const off = exchanges.onPhase(end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

/** What a client sends, until it ends, leaves, or the server begins to close: a stream that idles must not hold that up. */
export async function* untilClosing<T>(
  requests: AsyncIterable<T>,
  exchanges: Exchanges,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const iterator = requests[Symbol.asyncIterator]();
  let over: () => void = () => undefined;
  const ended = new Promise<{ readonly done: true; readonly value: undefined }>((resolve) => {
    over = () => resolve({ done: true, value: undefined });
  });
  const off = exchanges.onPhase(() => {
    if (exchanges.phase === "closing") over();
  });
  signal.addEventListener("abort", over, { once: true });
  if (exchanges.phase === "closing") over();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), ended]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    off();
    signal.removeEventListener("abort", over);
  }
}
