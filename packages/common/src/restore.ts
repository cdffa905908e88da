import { type ChangeJson, changeToJson } from "./change.ts";
import { invalidArgument } from "./errors.ts";
import { encodeKey } from "./keys.ts";
import { checkCallOptions } from "./options.ts";
import { type ResolvedRange, resolveRange } from "./range.ts";
import type { Change, Key, Range, RestoreOptions, RestoreResult } from "./store.ts";
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

const SAMPLE_CHANGES_MAX = 10;
const SAMPLE_BYTES_MAX = 1024 * 1024;

/** What a dry run shows: the first changes, as far as they are few and small. One is always shown. */
export class RestoreSample<K extends Key> {
  readonly changes: Change<K>[] = [];
  #bytes = 0;
  #isFull = false;

  /** Changes come in the order of their keys. */
  add(change: Change<K>): void {
    if (this.#isFull) return;
    const { key, before, after } = change;
    this.#bytes += encodeKey(key).length + (before?.value.length ?? 0) + (after?.value.length ?? 0);
    if (this.changes.length === 0 || this.#bytes <= SAMPLE_BYTES_MAX) this.changes.push(change);
    this.#isFull = this.changes.length === SAMPLE_CHANGES_MAX || this.#bytes > SAMPLE_BYTES_MAX;
  }
}

/** What a restore did in JSON, the same in HTTP bodies and on the command line. */
export type RestoreResultJson = Omit<RestoreResult, "sample"> & { readonly sample?: readonly ChangeJson[] };

export function restoreResultToJson({ sample, ...result }: RestoreResult<Key>): RestoreResultJson {
  return { ...result, ...(sample !== undefined && { sample: sample.map(changeToJson) }) };
}
