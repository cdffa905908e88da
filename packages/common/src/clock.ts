/** Where a store's idea of the time comes from. */
export interface Clock {
  /** Integer microseconds since the Unix epoch. */
  now(): number;
}

/** How far the fine clock may stand from the wall clock before it is set again. */
const driftMsMax = 1000;

let originMs = performance.timeOrigin;

/**
 * The wall clock in microseconds. The runtime's fine clock does not follow when the machine's clock is set or the
 * machine wakes up, so it is set anew whenever the two stand apart.
 */
export const systemClock: Clock = {
  now(): number {
    const fineMs = originMs + performance.now();
    const wallMs = Date.now();
    if (Math.abs(fineMs - wallMs) <= driftMsMax) return Math.floor(fineMs * 1000);
    originMs = wallMs - performance.now();
    return wallMs * 1000;
  },
};
