import { formatTime, keyToJson, type WriteResult } from "@kvts/common";
import { print } from "./sink.ts";

/** Tells what a write was committed as. */
export function printWrite(json: boolean, key: Uint8Array, { timestamp, seq }: WriteResult): Promise<void> {
  const time = formatTime(timestamp);
  if (json) return print(`${JSON.stringify({ ...keyToJson(key), timestamp, time, seq })}\n`);
  return print(`${time}\tseq ${seq}\n`);
}
