import type { Contender } from "./contender.ts";

/** The stores by name, each loaded only where it is measured: what one needs must not weigh on another. */
const loaders = {
  kvts: async () => (await import("./kvts.ts")).kvts,
  lmdb: async () => (await import("./lmdb.ts")).lmdb,
  "lmdb+latest": async () => (await import("./lmdb-latest.ts")).lmdbLatest,
  rocksdb: async () => (await import("./rocksdb.ts")).rocksdb,
  "classic-level": async () => (await import("./classic-level.ts")).classicLevel,
  sqlite: async () => (await import("./sqlite.ts")).sqlite,
} satisfies Record<string, () => Promise<Contender>>;

export type ContenderName = keyof typeof loaders;
export type PeerName = Exclude<ContenderName, "kvts">;

export const peerNames: readonly PeerName[] = ["lmdb", "lmdb+latest", "rocksdb", "classic-level", "sqlite"];

export function loadContender(name: ContenderName): Promise<Contender> {
  return loaders[name]();
}
