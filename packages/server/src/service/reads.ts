import { type HostedStore, invalidArgument, type Reader, type Snapshot } from "@kvts/common";
import type { Leases } from "./leases.ts";
import type { StoredEntry } from "./lists.ts";

/** Which commits a read sees: those up to a seq, or those in a leased snapshot; all of them without either. */
export interface CommitsRequest {
  readonly atSeq?: number | undefined;
  /** The id of a lease. */
  readonly snapshot?: string | undefined;
}

/** @throws INVALID_ARGUMENT where both are given */
export function checkCommits({ atSeq, snapshot }: CommitsRequest): void {
  if (atSeq === undefined || snapshot === undefined) return;
  throw invalidArgument("a read is fixed at a seq or by a snapshot, which has a seq of its own; leave one of them out");
}

export interface GetRequest extends CommitsRequest {
  readonly key: Uint8Array;
  /** Microseconds. */
  readonly asOf?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads of one key. */
export interface Reads {
  get(request: GetRequest): Promise<StoredEntry | undefined>;
  /** Since when a key that `get` did not find holds nothing: its tombstone, or its expiry; `undefined` if it never held. */
  deletedAt(request: GetRequest): Promise<number | undefined>;
}

export function createReads(store: HostedStore<Uint8Array>, leases: Leases): Reads {
  const reading = async <T>(request: CommitsRequest, read: (reader: Reader<Uint8Array>) => Promise<T>): Promise<T> => {
    checkCommits(request);
    const { atSeq, snapshot } = request;
    if (snapshot !== undefined) return await leases.use(snapshot, read);
    await using view: Snapshot<Uint8Array> = store.snapshot({ seq: atSeq });
    return await read(view);
  };
  return {
    async get(request) {
      const { key, asOf, atSeq, snapshot, signal } = request;
      if (atSeq === undefined && snapshot === undefined) return await store.get(key, { asOf, signal });
      return await reading(request, (reader) => reader.get(key, { asOf, signal }));
    },
    async deletedAt(request) {
      const { key, asOf, signal } = request;
      return await reading(request, async (reader) => {
        await using versions = reader.history(key, { to: asOf, limit: 1, signal });
        const [newest] = await versions.nextv(1);
        return newest?.deleted === true ? newest.timestamp : newest?.expiresAt;
      });
    },
  };
}
