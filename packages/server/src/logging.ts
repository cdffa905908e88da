import type { Logger } from "@kvts/common";
import { type DestinationStream, type LevelWithSilent, pino, stdTimeFunctions } from "pino";

export interface LoggerOptions {
  /** Least level that is written. Default `info`; `debug` has a line for every request. */
  readonly level?: LevelWithSilent;
  /** Where lines go. Default standard error, which leaves standard output to what a program prints. */
  readonly destination?: DestinationStream;
}

/** A logger that writes one JSON object a line. Lines carry request ids, never keys or values. */
export function createLogger({ level = "info", destination }: LoggerOptions = {}): Logger {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}
