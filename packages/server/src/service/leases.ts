import { createHash, randomBytes } from "node:crypto";
import {
  equalBytes,
  fromBase64Url,
  type HostedStore,
  invalidArgument,
  KvtsError,
  type Logger,
  type Snapshot,
  toBase64Url,
} from "@kvts/common";

/** A snapshot that a client holds: it goes on for `leaseMs` from the answer that has it, unless it is renewed. */
export interface Lease {
  /** Text that nobody can guess. */
  readonly id: string;
  readonly seq: number;
  readonly leaseMs: number;
}

export interface LeaseStats {
  readonly count: number;
  readonly countMax: number;
  /** Since the oldest that is open was made; 0 where there is none. */
  readonly oldestAgeMs: number;
}

/** The snapshots that clients hold. */
export interface Leases {
  /**
   * At the newest seq where none is given.
   * @throws CURSOR_EXPIRED, OVERLOADED where there are as many as there may be
   */
  create(seq: number | undefined): Lease;
  /** Begins its time anew. @throws SNAPSHOT_EXPIRED */
  renew(id: string): Lease;
  /** Ends it, or does nothing where it has ended already. */
  release(id: string): void;
  /** Runs a read, which is carried through although the lease should end meanwhile. @throws SNAPSHOT_EXPIRED */
  use<T>(id: string, read: (view: Snapshot<Uint8Array>) => Promise<T>): Promise<T>;
  stats(): LeaseStats;
  /** Ends all of them. */
  close(): Promise<void>;
}

export interface LeaseOptions {
  readonly incarnation: string;
  readonly snapshotLeaseMs: number;
  readonly maxSnapshots: number;
  readonly logger: Logger;
}

interface Held extends Lease {
  readonly view: Snapshot<Uint8Array>;
  /** By `performance.now()`, as is `endsAt`. */
  readonly createdAt: number;
  endsAt: number;
  /** Reads under way. */
  users: number;
}

const tagBytes = 8;
const secretBytes = 16;

/**
 * An id is base64url of a tag of the store's incarnation, by which one of another store is told, and 128 random bits.
 * Leases live in memory: none outlives the server.
 */
class SnapshotLeases implements Leases {
  readonly #store: HostedStore<Uint8Array>;
  readonly #options: LeaseOptions;
  readonly #tag: Uint8Array;
  /** In the order in which they were made. */
  readonly #held: Map<string, Held> = new Map();
  readonly #sweeper: NodeJS.Timeout;

  constructor(store: HostedStore<Uint8Array>, options: LeaseOptions) {
    this.#store = store;
    this.#options = options;
    this.#tag = createHash("sha256").update(options.incarnation).digest().subarray(0, tagBytes);
    this.#sweeper = setInterval(() => this.#endOverdue(), Math.max(10, options.snapshotLeaseMs / 6)).unref();
  }

  create(seq: number | undefined): Lease {
    this.#endOverdue();
    this.#checkRoom();
    const { snapshotLeaseMs: leaseMs } = this.#options;
    const view = this.#store.snapshot({ seq });
    const id = toBase64Url(Buffer.concat([this.#tag, randomBytes(secretBytes)]));
    const createdAt = performance.now();
    this.#held.set(id, { id, seq: view.seq, leaseMs, view, createdAt, endsAt: createdAt + leaseMs, users: 0 });
    return { id, seq: view.seq, leaseMs };
  }

  renew(id: string): Lease {
    const held = this.#find(id);
    held.endsAt = performance.now() + held.leaseMs;
    return { id, seq: held.seq, leaseMs: held.leaseMs };
  }

  release(id: string): void {
    bytesOf(id);
    const held = this.#held.get(id);
    if (held !== undefined) this.#end(held);
  }

  async use<T>(id: string, read: (view: Snapshot<Uint8Array>) => Promise<T>): Promise<T> {
    const held = this.#find(id);
    held.users++;
    try {
      return await read(held.view);
    } finally {
      held.users--;
      this.#closeUnused(held);
    }
  }

  stats(): LeaseStats {
    const [oldest] = this.#held.values();
    const oldestAgeMs = oldest === undefined ? 0 : Math.round(performance.now() - oldest.createdAt);
    return { count: this.#held.size, countMax: this.#options.maxSnapshots, oldestAgeMs };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const held = [...this.#held.values()];
    this.#held.clear();
    await Promise.all(held.map(({ view }) => view.close()));
  }

  #checkRoom(): void {
    const { maxSnapshots } = this.#options;
    if (this.#held.size < maxSnapshots) return;
    throw new KvtsError(
      "OVERLOADED",
      `the server has ${maxSnapshots} snapshots open, the most that it may; close some of them, or try again later`,
      { details: { limit: maxSnapshots } },
    );
  }

  #find(id: string): Held {
    const isOurs = equalBytes(bytesOf(id).subarray(0, tagBytes), this.#tag);
    const held = this.#held.get(id);
    if (held !== undefined && held.endsAt > performance.now()) return held;
    if (held !== undefined) this.#end(held);
    const reason = isOurs
      ? "the snapshot was released, or its lease ended without being renewed, or the server was restarted"
      : "the snapshot is of another store, or of this one before it was repaired or restored";
    throw new KvtsError("SNAPSHOT_EXPIRED", `${reason}; open another one and read anew`);
  }

  #endOverdue(): void {
    const now = performance.now();
    for (const held of this.#held.values()) if (held.endsAt <= now) this.#end(held);
  }

  #end(held: Held): void {
    this.#held.delete(held.id);
    this.#closeUnused(held);
  }

  /** Once nobody can find it any more, and the last read is done. */
  #closeUnused({ id, seq, view, users }: Held): void {
    if (users > 0 || this.#held.has(id)) return;
    view.close().catch((error: unknown) => {
      this.#options.logger.warn({ err: error, seq }, "a snapshot could not be closed");
    });
  }
}

/** @throws INVALID_ARGUMENT for what is no id */
function bytesOf(id: string): Uint8Array {
  const bytes = fromBase64Url(id);
  if (bytes?.length === tagBytes + secretBytes) return bytes;
  throw invalidArgument("this is no id of a snapshot; send one unchanged, as the answer to its creation has it", {
    field: "snapshot",
  });
}

export function createLeases(store: HostedStore<Uint8Array>, options: LeaseOptions): Leases {
  return new SnapshotLeases(store, options);
}
