const millisPerSecond = 1000;
/** Operations between two looks at the clock; fewer at first, for operations that take long. */
const stretchMax = 512;
const warmUpShare = 0.3;

/** Does operations `from` … `from + count − 1`. */
export type Stretch = (from: number, count: number) => Promise<void> | undefined;

/** Warms up, then does operations for about so many seconds. Returns how many it did per second. */
export async function measureRate(run: Stretch, seconds: number, warmedUp: () => void): Promise<number> {
  const first = await runFor(run, 0, seconds * warmUpShare);
  warmedUp();
  const { count, elapsedMs } = await runFor(run, first.count, seconds);
  return (count / elapsedMs) * millisPerSecond;
}

async function runFor(run: Stretch, from: number, seconds: number): Promise<{ count: number; elapsedMs: number }> {
  const start = performance.now();
  const limitMs = seconds * millisPerSecond;
  let count = 0;
  for (let stretch = 1; ; stretch = Math.min(stretch * 2, stretchMax)) {
    // Not awaited where there is nothing to await: a synchronous store is not to pay for a promise.
    const pending = run(from + count, stretch);
    if (pending !== undefined) await pending;
    count += stretch;
    const elapsedMs = performance.now() - start;
    if (elapsedMs >= limitMs) return { count, elapsedMs };
  }
}
