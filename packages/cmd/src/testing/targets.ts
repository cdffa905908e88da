import { join } from "node:path";
import { kvts, type Ran, type RunOptions, scratch, startServer } from "./kvts.ts";

/** The ways to a store. */
export const targets = ["grpc", "http", "directory"] as const;
export type TargetName = (typeof targets)[number];

/** Runs the program against one store. */
export type RunOnStore = (args: readonly string[], options?: RunOptions) => Promise<Ran>;

/** A new store, reached in one of the ways, until the test is over. */
export async function newStore(target: TargetName, serverArgs: readonly string[] = []): Promise<RunOnStore> {
  const directory = join(scratch(), "data");
  if (target === "directory") return runner(["--db-path", directory]);
  const server = await startServer(["--db-path", directory, ...serverArgs]);
  return runner(["--url", target === "grpc" ? server.grpcUrl : server.httpUrl]);
}

/** Options come first, so that what stands behind `--` stays there. */
function runner(where: readonly string[]): RunOnStore {
  return ([command = "", ...rest], options) => kvts([command, ...where, ...rest], options);
}
