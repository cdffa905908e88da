import type { Range } from "@kvts/common";
import type { Argv } from "yargs";
import { usageError } from "../failure.ts";
import { decodeBytes, type KeyEncodingOptions } from "./key-encoding.ts";

export interface RangeOptions {
  prefix?: string | undefined;
  start?: string | undefined;
  end?: string | undefined;
}

export function withRange<T>(
  yargs: Argv<T>,
): Argv<T & { prefix: string | undefined } & { start: string | undefined } & { end: string | undefined }> {
  return yargs
    .option("prefix", { type: "string", requiresArg: true, describe: "Only keys that begin with this" })
    .option("start", { type: "string", requiresArg: true, describe: "The first key wanted" })
    .option("end", { type: "string", requiresArg: true, describe: "The key to stop before" });
}

/** The range that was asked for; every key where none was. */
export function readRange(options: RangeOptions & KeyEncodingOptions): Range {
  const bound = (name: "prefix" | "start" | "end"): Uint8Array | undefined => {
    const text = options[name];
    return text === undefined ? undefined : decodeBytes(text, options.keyEncoding, `--${name}`);
  };
  const [prefix, start, end] = [bound("prefix"), bound("start"), bound("end")];
  if (prefix === undefined) return { start, end };
  if (start !== undefined || end !== undefined) {
    throw usageError("a range is given by --prefix, or by --start and --end; leave one of the two forms out");
  }
  return { prefix };
}
