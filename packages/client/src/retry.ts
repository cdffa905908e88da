/** When a call that met an unavailable server is sent again. */
export interface RetryPolicy {
  /** Most times that one call is sent, the first included. */
  readonly triesMax: number;
  /** Longest pause before the second try, in milliseconds; it doubles with every further one. */
  readonly delayMsFirst: number;
  /** Longest pause of all, in milliseconds. */
  readonly delayMsMax: number;
}

/**
 * The pause after `tries` failed tries, in milliseconds: exponential, with full jitter (drawn evenly from zero to the
 * exponential ceiling), so that clients which failed together do not come back together. What the server asked for
 * comes on top.
 * @param random even in [0, 1)
 */
export function retryDelayMs(policy: RetryPolicy, tries: number, random: () => number, retryAfterMs = 0): number {
  const ceilingMs = Math.min(policy.delayMsMax, policy.delayMsFirst * 2 ** (tries - 1));
  return retryAfterMs + random() * ceilingMs;
}
