import { abortable, type HostedStore, type Limits, limits, type StoreStats } from "@kvts/common";
import type { Leases } from "./leases.ts";
import type { OperationRegistry } from "./operations.ts";

/** How a server and its store are. */
export interface Status {
  /** The version of the server's software. */
  readonly version: string;
  readonly ready: boolean;
  /** Microseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly limits: ServerLimits;
  readonly stats: StoreStats;
}

/** What the store accepts, and the largest request. */
export type ServerLimits = Limits & { readonly requestBytesMax: number };

export interface Admin {
  status(signal: AbortSignal): Promise<Status>;
  /** Gives up waiting when `signal` fires; the work itself goes on. */
  flush(signal: AbortSignal): Promise<void>;
  compact(signal: AbortSignal): Promise<void>;
}

export interface AdminOptions {
  readonly version: string;
  readonly startedAt: number;
  readonly requestBytesMax: number;
  readonly leases: Pick<Leases, "stats">;
  readonly operations: Pick<OperationRegistry, "stats">;
  ready(): boolean;
}

export function createAdmin(store: HostedStore<Uint8Array>, options: AdminOptions): Admin {
  const { version, startedAt, requestBytesMax } = options;
  return {
    async status(signal) {
      const own = { snapshotLeases: { ...options.leases.stats() }, operations: { ...options.operations.stats() } };
      const stats = { ...(await store.stats({ signal })), ...own };
      return { version, ready: options.ready(), startedAt, limits: { ...limits, requestBytesMax }, stats };
    },
    flush: (signal) => abortable(store.flush(), signal),
    compact: (signal) => abortable(store.compact(), signal),
  };
}
