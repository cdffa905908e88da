import { isKvtsError } from "@kvts/common";
import type { CheckpointReport } from "@kvts/db";
import { CommandError, exitCodes, failed, sentenceOf } from "../failure.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { openDirectory } from "./open-directory.ts";

/** Makes a copy of the store in `directory`, which no server has, in `target`, which is empty or still to be made. */
export async function makeCheckpoint(directory: string, target: string): Promise<CheckpointReport> {
  using interrupt = listenForInterrupt();
  await using store = await openDirectory(directory, "read");
  try {
    return await store.checkpoint(target, { signal: interrupt.signal });
  } catch (error) {
    if (isKvtsError(error, "CANCELLED")) throw failed("stopped before the copy was made; nothing is lost");
    throw isKvtsError(error) ? new CommandError(exitCodes.failure, error.code, sentenceOf(error), error) : error;
  }
}
