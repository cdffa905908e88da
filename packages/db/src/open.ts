import { checkOptionNames, invalidArgument, type KeyOf, type OptionNames, shown } from "@kvts/common";
import { type Db, makeDb } from "./db.ts";
import { Engine } from "./engine.ts";
import { type OpenOptions, resolveOptions } from "./options.ts";
import { recover } from "./recovery.ts";

const optionNames: OptionNames<OpenOptions> = {
  durability: true,
  keys: true,
  createIfMissing: true,
  memoryBytes: true,
  memtableBytes: true,
  blockCacheBytes: true,
  compression: true,
  stallTimeoutMs: true,
  reserveBytes: true,
  scrubBytesPerSecond: true,
  feedBytes: true,
  feedAgeMs: true,
  acceptClock: true,
  logger: true,
  tuning: true,
  components: true,
};

/**
 * Opens the store in `directory`, made where there is none, for this process alone.
 * @throws LOCKED (with the holder's `pid`) where another process has it open; INVALID_ARGUMENT where the directory holds
 *   something else, or an option is none; CORRUPTION with file and offset; UNAVAILABLE where the clock stands far behind the store
 */
export async function open<F extends "string" | "bytes" = "string">(
  directory: string,
  options: OpenOptions<F> = {},
): Promise<Db<KeyOf<F>>> {
  if (typeof directory !== "string" || directory === "") {
    throw invalidArgument(`the directory of a store is a path such as "./data", not ${shown(directory)}`);
  }
  checkOptionNames(options, optionNames, "open");
  const settings = resolveOptions(options);
  const engine = new Engine(await recover(directory, settings));
  return makeDb(engine, (options.keys ?? "string") as F, true);
}
