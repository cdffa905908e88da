import { invalidArgument } from "./errors.ts";
import { shown } from "./shown.ts";
import { formatTime, parseTime, type TimeInput, type Warn } from "./time.ts";

/**
 * The moments that a diff compares, in microseconds.
 * @param now microseconds, for relative times
 * @param warn told of numbers that look like milliseconds
 */
export function resolveMoments(
  options: { readonly [name in "from" | "to"]?: TimeInput | undefined },
  now: () => number,
  warn?: Warn,
): { readonly from: number; readonly to: number } {
  const given = options as typeof options | undefined;
  if (given?.from === undefined || given.to === undefined) {
    throw invalidArgument(`a diff needs two moments, from and to, not ${shown(given?.from)} and ${shown(given?.to)}`);
  }
  const from = parseTime(given.from, now, warn);
  const to = parseTime(given.to, now, warn);
  if (from <= to) return { from, to };
  throw invalidArgument(
    `a diff goes from an earlier moment to a later one, not from ${formatTime(from)} to ${formatTime(to)}`,
  );
}
