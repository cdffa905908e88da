import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PeerName } from "../stores/registry.ts";
import { runTask } from "./run-task.ts";
import type { Scale } from "./task.ts";

export interface FoundPeers {
  readonly present: readonly PeerName[];
  /** Those that do not work here, and what they said. */
  readonly absent: readonly { readonly name: PeerName; readonly reason: string }[];
}

/** Which peers work here. Each is tried in a process of its own: a native package may end it. */
export async function findPeers(names: readonly PeerName[], scale: Scale, base: string): Promise<FoundPeers> {
  await mkdir(base, { recursive: true });
  const tried = await Promise.all(
    names.map(async (name) => {
      const directory = await mkdtemp(join(base, `${name}-probe-`));
      try {
        await runTask({ ...scale, contender: name, jobs: [{ kind: "probe", directory }] });
        return { name, reason: undefined };
      } catch (error) {
        return { name, reason: (error as Error).message.split("\n", 1)[0]! };
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    }),
  );
  return {
    present: tried.filter(({ reason }) => reason === undefined).map(({ name }) => name),
    absent: tried.flatMap(({ name, reason }) => (reason === undefined ? [] : [{ name, reason }])),
  };
}
