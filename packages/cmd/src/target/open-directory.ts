import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { isKvtsError, type KvtsError, type Logger } from "@kvts/common";
import type { Db } from "@kvts/db";
import { CommandError, exitCodes, failed, sentenceOf } from "../failure.ts";

/** Whether a command only reads, or may also make a store where there is none. */
export type Access = "read" | "write";

/** When a write is acknowledged: once it is on disk, or once the operating system has it. */
export type Durability = "sync" | "buffered";
export const durabilities: readonly Durability[] = ["sync", "buffered"];

/** How a directory is opened. */
export interface DirectoryOptions {
  readonly durability?: Durability;
  /** Memory for everything together. */
  readonly memoryBytes?: number;
  /** What memory holds before it is flushed, in place of its share of `memoryBytes`. */
  readonly memtableBytes?: number;
  /** How fast tables are read again in the background. */
  readonly scrubBytesPerSecond?: number;
  /** Log kept for the change feed, and how long. */
  readonly feedBytes?: number;
  readonly feedAgeMs?: number;
  /** Opens although the clock is far from where it was. */
  readonly acceptClock?: boolean;
  readonly logger?: Logger;
}

/**
 * Opens the store in a directory that no server serves.
 * @throws CommandError where it cannot be had: held by another process, no store, not there, not permitted
 */
export async function openDirectory(directory: string, access: Access, options: DirectoryOptions = {}): Promise<Db> {
  if (access === "read" && !existsSync(directory)) {
    throw failed(`there is no store at ${directory}; check --db-path, or name a server with --url`);
  }
  if (!existsSync(dirname(directory))) {
    throw failed(`the directory ${dirname(directory)} does not exist; make it first, or check --db-path`);
  }
  const { open } = await import("@kvts/db");
  try {
    return await open(directory, { ...options, createIfMissing: access === "write" });
  } catch (error) {
    throw isKvtsError(error) ? openError(error) : error;
  }
}

/** A failure to open, in the engine's sentence; for a store that is held, how to reach it all the same. */
function openError(error: KvtsError): CommandError {
  const { code } = error;
  const hint = code === "LOCKED" ? "; if that is a server, use --url instead of --db-path" : "";
  return new CommandError(exitCodes.failure, code, `${sentenceOf(error)}${hint}`, error);
}
