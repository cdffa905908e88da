import { setTimeout as delay } from "node:timers/promises";

const pollMs = 50;
const idlePolls = 6;
/** Of one core. Timers and the poll itself stay below it. */
const idleShare = 0.05;
const microsPerMilli = 1000;

/**
 * Waits until background work has ended: until the process has neither written anything nor used a core for a while.
 * Any store can be asked in this way. Returns the milliseconds up to the beginning of that idle while.
 */
export async function settle(waitMaxMs: number): Promise<number> {
  const start = performance.now();
  let idle = 0;
  let before = activity();
  while (idle < idlePolls && performance.now() - start < waitMaxMs) {
    await delay(pollMs);
    const now = activity();
    const isIdle = now.cpuMs - before.cpuMs < pollMs * idleShare && now.writes === before.writes;
    idle = isIdle ? idle + 1 : 0;
    before = now;
  }
  return Math.max(0, performance.now() - start - idle * pollMs);
}

function activity(): { readonly cpuMs: number; readonly writes: number } {
  const { userCPUTime, systemCPUTime, fsWrite } = process.resourceUsage();
  return { cpuMs: (userCPUTime + systemCPUTime) / microsPerMilli, writes: fsWrite };
}
