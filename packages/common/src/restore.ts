import { invalidArgument } from "./errors.ts";
import { checkCallOptions } from "./options.ts";
import { type ResolvedRange, resolveRange } from "./range.ts";
import type { Range, RestoreOptions } from "./store.ts";
import { parseTime, type TimeInput } from "./time.ts";

/** A checked call of `restore`. */
export interface RestoreCall {
  readonly range: ResolvedRange;
  /** Microseconds. */
  readonly to: number;
  readonly dryRun: boolean;
}

/**
 * @param now microseconds, for relative times
 * @throws INVALID_ARGUMENT; TOO_LARGE as `resolveRange` does
 */
export function checkRestore(
  range: Range,
  to: TimeInput,
  options: RestoreOptions | undefined,
  now: () => number,
): RestoreCall {
  checkCallOptions(options, "restore");
  if (range === undefined) throw invalidArgument("restore needs a range; {} is every key");
  const dryRun: unknown = options?.dryRun;
  if (dryRun !== undefined && typeof dryRun !== "boolean") throw invalidArgument("dryRun is true or false");
  return { range: resolveRange(range), to: parseTime(to, now), dryRun: dryRun === true };
}
