import type { Store } from "@kvts/common";
import { readTarget, type TargetOptions } from "../options/target.ts";
import { connectToServer } from "./connect-to-server.ts";
import { type Access, openDirectory } from "./open-directory.ts";

/** A store whose keys are bytes, as every command here works with them. */
export type ByteStore = Store<Uint8Array>;

/**
 * Runs `work` with the store that the options name, and closes it.
 * @param access whether a directory without a store is to become one
 */
export async function useStore<T>(
  options: TargetOptions,
  access: Access,
  work: (store: ByteStore) => Promise<T>,
): Promise<T> {
  const target = readTarget(options);
  await using store = "url" in target ? await connectToServer(target) : await openDirectory(target.directory, access);
  return await work(store.with({ keys: "bytes" }));
}
