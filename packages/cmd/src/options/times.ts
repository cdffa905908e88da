import { formatTime, isKvtsError, parseDuration, parseTime, systemClock } from "@kvts/common";
import type { Options } from "yargs";
import { CommandError, exitCodes } from "../failure.ts";
import { noteInstead } from "../output/warnings.ts";

/** An option that takes a time. */
export function timeOption(describe: string): Options & { readonly type: "string" } {
  return { type: "string", requiresArg: true, describe: `${describe} (RFC 3339, now, -5m, or microseconds)` };
}

/**
 * Microseconds of a time that was typed; `undefined` where none was.
 * @param name the option, for the error
 */
export function readTime(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const warn = (): void => {
    const asMillis = new Date(Number(text)).toISOString();
    const taken = `${name} ${text} is taken as microseconds, ${formatTime(Number(text))}`;
    noteInstead("KVTS_MILLISECONDS", `${taken}; for milliseconds write ${asMillis}`);
  };
  return named(name, () => parseTime(text, systemClock.now, warn));
}

/** Microseconds of a duration that was typed; `undefined` where none was. */
export function readDuration(text: string | undefined, name: string): number | undefined {
  return text === undefined ? undefined : named(name, () => parseDuration(text));
}

/** What `read` returns; where it fails, the error names the option. */
export function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isKvtsError(error)) throw error;
    throw new CommandError(exitCodes.usage, error.code, `${name}: ${error.message}`, error);
  }
}
