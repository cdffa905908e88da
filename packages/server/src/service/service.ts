import type { HostedStore } from "@kvts/common";
import type { Settings } from "../options.ts";
import { warnOnce } from "../warn-once.ts";
import { type Admin, type AdminOptions, createAdmin } from "./admin.ts";
import { createListings } from "./listing.ts";
import { createLists, type Lists } from "./lists.ts";
import { createReads, type Reads } from "./reads.ts";
import { createWatching, type Watching } from "./watching.ts";
import { createWrites, type Writes } from "./writes.ts";

/** What both faces serve: a store with a server's rules, free of any transport. */
export interface Service extends Reads, Writes, Lists, Watching, Admin {
  /** Lets go of what page tokens hold. The store stays open. */
  close(): Promise<void>;
}

export type ServiceOptions = Settings & Pick<AdminOptions, "version" | "ready"> & { readonly incarnation: string };

export function createService(store: HostedStore<Uint8Array>, options: ServiceOptions): Service {
  const { clock, logger } = options;
  const listings = createListings(store, options);
  return {
    ...createReads(store),
    ...createWrites(store, clock, options.maxFutureSkewMs),
    ...createLists(listings, warnOnce(logger)),
    ...createWatching(store, options.incarnation),
    ...createAdmin(store, {
      version: options.version,
      startedAt: clock.now(),
      requestBytesMax: options.maxRequestBytes,
      ready: options.ready,
    }),
    close: () => listings.close(),
  };
}
