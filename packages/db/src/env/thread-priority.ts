import { getPriority, setPriority } from "node:os";

/** With five steps less a thread gets a quarter of a core that another one wants too, and all of one that nobody wants. */
const STEPS_BACK = 5;
const LOWEST = 19;

/**
 * Lets the other threads of this process go first where cores are short. Only where that can be said of a single thread:
 * Linux keeps a priority for each, and means the calling one by 0; elsewhere that is the whole process.
 */
export function stepBack(): void {
  if (process.platform !== "linux") return;
  setPriority(0, Math.min(LOWEST, getPriority(0) + STEPS_BACK));
}
