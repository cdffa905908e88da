import { existsSync } from "node:fs";
import { type HostedStore, isKvtsError, type Logger } from "@kvts/common";
import { CommandError, exitCodes, failed } from "../failure.ts";

/** Whether a command only reads, or may also make a store where there is none. */
export type Access = "read" | "write";

/** When a write is acknowledged: once it is on disk, or once the operating system has it. */
export type Durability = "sync" | "buffered";
export const durabilities: readonly Durability[] = ["sync", "buffered"];

/** How a directory is opened. */
export interface DirectoryOptions {
  readonly durability?: Durability;
  /** Opens although the clock is far from where it was. */
  readonly acceptClock?: boolean;
  readonly logger?: Logger;
}

/**
 * Opens the store in a directory that no server serves.
 * @throws CommandError where it is being served, or is to be read and does not exist
 */
export async function openDirectory(
  directory: string,
  access: Access,
  options: DirectoryOptions = {},
): Promise<HostedStore> {
  if (access === "read" && !existsSync(directory)) {
    throw failed(`there is no store at ${directory}; check --db-path, or name a server with --url`);
  }
  const { open } = await import("@kvts/db");
  try {
    return await open(directory, { ...options, createIfMissing: access === "write" });
  } catch (error) {
    throw isKvtsError(error, "LOCKED") ? lockedError(error) : error;
  }
}

/** The engine's sentence, and how to reach the store all the same. */
function lockedError(error: Error): CommandError {
  const message = `${error.message}; while a server has it, use --url instead of --db-path`;
  return new CommandError(exitCodes.failure, "LOCKED", message, error);
}
