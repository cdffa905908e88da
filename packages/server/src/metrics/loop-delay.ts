import { Histogram } from "./histogram.ts";

/** How late the event loop is, looked at ten times a second. */
export interface LoopDelay {
  readonly seconds: Histogram;
  stop(): void;
}

const intervalMs = 100;

export function watchLoopDelay(): LoopDelay {
  const seconds = new Histogram();
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    seconds.observe(Math.max(0, now - last - intervalMs) / 1000);
    last = now;
  }, intervalMs).unref();
  return { seconds, stop: () => clearInterval(timer) };
}
