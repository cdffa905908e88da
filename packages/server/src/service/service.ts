import type { HostedStore } from "@kvts/common";
import type { TokenAdmin } from "../auth/tokens.ts";
import type { Settings } from "../options.ts";
import { warnOnce } from "../warn-once.ts";
import { type Admin, type AdminOptions, createAdmin } from "./admin.ts";
import { type Backups, createBackups } from "./backups.ts";
import { checkpointFolder } from "./checkpoint-folder.ts";
import { createErasing, type Erasing } from "./erasing.ts";
import { createLeases, type Leases } from "./leases.ts";
import { createListings } from "./listing.ts";
import { createLists, type Lists } from "./lists.ts";
import { OperationRegistry, type Operations } from "./operations.ts";
import { createReads, type Reads } from "./reads.ts";
import { createRestores, type Restores } from "./restores.ts";
import { createRetention, type Retention } from "./retention.ts";
import { createUpkeep, type Upkeep } from "./upkeep.ts";
import { createWatching, type Watching } from "./watching.ts";
import { createWrites, type Writes } from "./writes.ts";

/** What both faces serve: a store with a server's rules, free of any transport. */
export interface Service
  extends Reads,
    Writes,
    Lists,
    Watching,
    Restores,
    Retention,
    Erasing,
    Upkeep,
    Backups,
    Operations,
    Admin,
    TokenAdmin {
  /** The snapshots that clients hold. */
  readonly snapshots: Pick<Leases, "create" | "renew" | "release">;
  /** Lets go of what page tokens and snapshots hold. The store stays open. */
  close(): Promise<void>;
}

export type ServiceOptions = Settings &
  Pick<AdminOptions, "version" | "ready"> & { readonly incarnation: string; readonly tokens: TokenAdmin };

export async function createService(store: HostedStore<Uint8Array>, options: ServiceOptions): Promise<Service> {
  const { clock, logger } = options;
  const leases = createLeases(store, options);
  const folder = checkpointFolder(options.checkpointPath);
  await folder.clean();
  const operations = new OperationRegistry({ clock, logger });
  const listings = createListings(store, leases, options);
  return {
    snapshots: leases,
    ...createReads(store, leases),
    ...createWrites(store, clock, options.maxFutureSkewMs),
    ...createLists(listings, options.pageTimeMs, warnOnce(logger)),
    ...createWatching(store, options.incarnation),
    ...createRestores(store),
    ...createRetention(store),
    ...createErasing(store, operations, () => folder.names()),
    ...createUpkeep(store, operations, folder),
    ...createBackups(store, folder),
    getOperation: (id) => operations.getOperation(id),
    ...createAdmin(store, {
      version: options.version,
      startedAt: clock.now(),
      requestBytesMax: options.maxRequestBytes,
      ready: options.ready,
      leases,
      operations,
    }),
    createToken: (request) => options.tokens.createToken(request),
    listTokens: () => options.tokens.listTokens(),
    revokeToken: (id) => options.tokens.revokeToken(id),
    async close() {
      operations.close();
      await Promise.all([listings.close(), leases.close()]);
    },
  };
}
