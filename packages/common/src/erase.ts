import { copyBytes } from "./bytes.ts";
import { invalidArgument } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { encodeKey } from "./keys.ts";
import { checkCallOptions } from "./options.ts";
import { type ResolvedRange, resolveRange } from "./range.ts";
import type { EraseOptions, EraseTarget } from "./store.ts";

/** A checked call of `erase`, in memory of its own. */
export interface EraseCall {
  readonly range: ResolvedRange;
  /** Where it is one key, that key. */
  readonly key: Uint8Array | undefined;
  readonly dryRun: boolean;
}

/** @throws INVALID_ARGUMENT; TOO_LARGE as `resolveRange` does */
export function checkErase(target: EraseTarget, options: EraseOptions | undefined): EraseCall {
  checkCallOptions(options, "erase");
  const { dryRun, onProgress, onHidden }: Readonly<Record<string, unknown>> = { ...options };
  if (dryRun !== undefined && typeof dryRun !== "boolean") throw invalidArgument("dryRun is true or false");
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalidArgument("onProgress is a function that is told how far the erasure has come");
  }
  if (onHidden !== undefined && typeof onHidden !== "function") {
    throw invalidArgument("onHidden is a function that is called once nothing of it shows any more");
  }
  if (target === undefined) throw invalidArgument("erase needs a range or { key }; {} is every key");
  if (!("key" in target)) return { range: resolveRange(target), key: undefined, dryRun: dryRun === true };
  checkFields(target, ["key"], "what is erased");
  const key = copyBytes(encodeKey(target.key));
  const end = new Uint8Array(key.length + 1);
  end.set(key);
  return { range: { start: key, end }, key, dryRun: dryRun === true };
}
