import type { HostedStore } from "@kvts/common";
import type { StoredEntry } from "./lists.ts";

export interface GetRequest {
  readonly key: Uint8Array;
  /** Microseconds. */
  readonly asOf?: number | undefined;
  readonly atSeq?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads of one key. */
export interface Reads {
  get(request: GetRequest): Promise<StoredEntry | undefined>;
  /** Since when a key that `get` did not find holds nothing: its tombstone, or its expiry; `undefined` if it never held. */
  deletedAt(request: GetRequest): Promise<number | undefined>;
}

export function createReads(store: HostedStore<Uint8Array>): Reads {
  return {
    async get({ key, asOf, atSeq, signal }) {
      if (atSeq === undefined) return await store.get(key, { asOf, signal });
      await using view = store.snapshot({ seq: atSeq });
      return await view.get(key, { asOf, signal });
    },
    async deletedAt({ key, asOf, signal }) {
      await using versions = store.history(key, { to: asOf, limit: 1, signal });
      const [newest] = await versions.nextv(1);
      return newest?.deleted === true ? newest.timestamp : newest?.expiresAt;
    },
  };
}
