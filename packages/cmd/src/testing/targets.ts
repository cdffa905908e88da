import { join } from "node:path";
import { open } from "@kvts/db";
import { createLogger, serve } from "@kvts/server";
import { onTestFinished } from "vitest";
import { kvts, type Ran, type RunOptions, scratch, startServer } from "./kvts.ts";
import { kvtsHere } from "./kvts-here.ts";

/** The ways to a store. */
export const targets = ["grpc", "http", "directory"] as const;
export type TargetName = (typeof targets)[number];

/** Runs the program against one store. */
export type RunOnStore = (args: readonly string[], options?: Pick<RunOptions, "input">) => Promise<Ran>;

/** A new store, reached in one of the ways, until the test is over. Every command, and the server, is a process. */
export async function newStore(target: TargetName): Promise<RunOnStore> {
  const directory = join(scratch(), "data");
  if (target === "directory") return runner(kvts, ["--db-path", directory]);
  const server = await startServer(["--db-path", directory]);
  return runner(kvts, ["--url", target === "grpc" ? server.grpcUrl : server.httpUrl]);
}

/** The same in this process alone. */
export async function newStoreHere(target: TargetName): Promise<RunOnStore> {
  const directory = join(scratch(), "data");
  if (target === "directory") return runner(kvtsHere, ["--db-path", directory]);
  const store = await open(directory);
  const server = await serve(store, { port: 0, httpPort: 0, logger: createLogger({ level: "warn" }) });
  await server.ready;
  onTestFinished(async () => {
    await server.close();
    await store.close();
  });
  return runner(kvtsHere, ["--url", target === "grpc" ? server.grpcUrl : server.httpUrl]);
}

/** Options come first, so that what stands behind `--` stays there. */
function runner(run: (args: readonly string[], options?: RunOptions) => Promise<Ran>, where: readonly string[]) {
  return ([command = "", ...rest]: readonly string[], options?: RunOptions) =>
    run([command, ...where, ...rest], options);
}
