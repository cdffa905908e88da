import { storeError } from "./io-error.ts";
import type { Recovered } from "./recovered.ts";

/**
 * Closes everything that a store is made of, once nothing runs any more. Every step is taken, whatever becomes of the one
 * before: nothing is to stay open.
 * @param counters what the manifest says of a store that was closed in order; undefined where what is on disk is in doubt
 * @throws what the first step failed with
 */
export async function closeParts(
  { settings, lock, layers, versions, logs, tables }: Recovered,
  counters: { readonly lastSeq: number; readonly lastAssigned: number } | undefined,
): Promise<void> {
  let failure: unknown;
  for (const step of [
    () => settings.components.runner.close(),
    () => logs.writer.close(),
    () => layers.close(),
    () => versions.close(failure === undefined ? counters : undefined),
    () => tables.close(),
    () => lock.release(),
  ]) {
    try {
      await step();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw storeError(failure);
}
