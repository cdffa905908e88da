import { copyBytes } from "./bytes.ts";
import { invalidArgument } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { encodeKey } from "./keys.ts";
import { checkCallOptions } from "./options.ts";
import { type ResolvedRange, resolveRange } from "./range.ts";
import type { EraseOptions, EraseTarget } from "./store.ts";

/**
 * What is to be erased, as a range in memory of its own; of one key, that key alone.
 * @throws INVALID_ARGUMENT; TOO_LARGE as `resolveRange` does
 */
export function checkErase(target: EraseTarget, options: EraseOptions | undefined): ResolvedRange {
  checkCallOptions(options, "erase");
  const onProgress: unknown = options?.onProgress;
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalidArgument("onProgress is a function that is told how far the erasure has come");
  }
  if (target === undefined) throw invalidArgument("erase needs a range or { key }; {} is every key");
  if (!("key" in target)) return resolveRange(target);
  checkFields(target, ["key"], "what is erased");
  const start = copyBytes(encodeKey(target.key));
  const end = new Uint8Array(start.length + 1);
  end.set(start);
  return { start, end };
}
