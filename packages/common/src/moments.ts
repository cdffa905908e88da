import { invalidArgument } from "./errors.ts";
import { shown } from "./shown.ts";
import type { DiffOptions } from "./store.ts";
import { formatTime, parseTime } from "./time.ts";

/**
 * The moments that a diff compares, in microseconds.
 * @param now microseconds, for relative times
 */
export function resolveMoments(
  options: Pick<DiffOptions, "from" | "to">,
  now: () => number,
): { readonly from: number; readonly to: number } {
  const given = options as Partial<DiffOptions> | undefined;
  if (given?.from === undefined || given.to === undefined) {
    throw invalidArgument(`a diff needs two moments, from and to, not ${shown(given?.from)} and ${shown(given?.to)}`);
  }
  const from = parseTime(given.from, now);
  const to = parseTime(given.to, now);
  if (from <= to) return { from, to };
  throw invalidArgument(
    `a diff goes from an earlier moment to a later one, not from ${formatTime(from)} to ${formatTime(to)}`,
  );
}
