import type { VerifyOptions } from "@kvts/common";
import {
  callSignal,
  checkOptionNames,
  checkPositiveInteger,
  invalidArgument,
  type OptionNames,
  throwIfAborted,
} from "@kvts/common";
import type { MeterOptions } from "./metered-files.ts";

const optionNames: OptionNames<VerifyOptions> = {
  onProgress: true,
  bytesPerSecond: true,
  signal: true,
  timeoutMs: true,
};

/** What the options of a verification mean for its reading. @throws INVALID_ARGUMENT; CANCELLED where it is over already */
export function readingOptions(options: VerifyOptions): Pick<MeterOptions, "signal" | "bytesPerSecond" | "onProgress"> {
  checkOptionNames(options, optionNames, "verify");
  const { bytesPerSecond, onProgress } = options;
  if (bytesPerSecond !== undefined) checkPositiveInteger(bytesPerSecond, "bytesPerSecond");
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalidArgument("onProgress is a function that takes the progress");
  }
  const signal = callSignal(options);
  throwIfAborted(signal);
  return { bytesPerSecond, onProgress, signal };
}
