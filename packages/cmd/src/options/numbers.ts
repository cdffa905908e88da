import type { Options } from "yargs";
import { usageError } from "../failure.ts";

/** An option that takes a whole number. It is read by {@link readCount}: yargs would accept `1e3` and `0x10`. */
export function countOption(describe: string, byDefault?: number): Options & { readonly type: "string" } {
  const base = { type: "string", requiresArg: true, describe } as const;
  return byDefault === undefined ? base : { ...base, default: String(byDefault) };
}

/** A whole number from `least` to `most` that was typed; `undefined` where none was. */
export function readCount(
  text: string | undefined,
  name: string,
  least: number = 1,
  most: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && count <= most) return count;
  const limits = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
  throw usageError(`${name} must be a whole number, ${limits}, not ${JSON.stringify(text)}`);
}
