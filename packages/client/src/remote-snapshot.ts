import { isKvtsError, type KeyOf, KvtsError, type Snapshot } from "@kvts/common";
import type { Remote } from "./remote.ts";
import { RemoteReader } from "./remote-reader.ts";
import type { WireLease } from "./wire.ts";

/** How often a lease is renewed while it lasts: so often may a renewal fail. */
const renewalsPerLease = 3;

/** How long closing waits for the server to let go. */
const releaseTimeoutMs = 1000;

/** Reads in a snapshot that the server holds; it is renewed for as long as it is open. */
export class RemoteSnapshot<F extends "string" | "bytes"> extends RemoteReader<F> implements Snapshot<KeyOf<F>> {
  readonly seq: number;
  readonly #id: string;
  readonly #stopRenewing: () => void;
  #renewing = false;
  /** Why it cannot be read any more, where the server has said so. */
  #expired: KvtsError | undefined;
  #closing: Promise<void> | undefined;

  constructor(remote: Remote, form: F, { id, seq, leaseMs }: WireLease) {
    super(remote, form);
    this.#id = id;
    this.seq = seq;
    const intervalMs = Math.max(1, Math.floor(leaseMs / renewalsPerLease));
    this.#stopRenewing = remote.runtime.every(intervalMs, () => void this.#renew(intervalMs));
    remote.snapshots.add(this);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected override snapshotId(): string {
    if (this.#closing !== undefined) throw new KvtsError("CLOSED", "the snapshot is closed; open another one");
    if (this.#expired !== undefined) throw this.#expired;
    return this.#id;
  }

  async #renew(timeoutMs: number): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const { wire, caller } = this.remote;
    try {
      await caller.read({ timeoutMs }, (call) => wire.renewSnapshot(this.#id, call));
    } catch (error) {
      // Any other failure may pass before the lease ends; where it does not, the server says so the next time.
      if (isKvtsError(error, "SNAPSHOT_EXPIRED")) this.#end(error);
    } finally {
      this.#renewing = false;
    }
  }

  #end(expired: KvtsError | undefined): void {
    this.#expired = expired;
    this.#stopRenewing();
    this.remote.snapshots.delete(this);
  }

  async #close(): Promise<void> {
    const { wire, caller } = this.remote;
    const ended = this.#expired !== undefined;
    this.#end(this.#expired);
    if (ended) return;
    try {
      await caller.read({ timeoutMs: releaseTimeoutMs }, (call) => wire.releaseSnapshot(this.#id, call));
    } catch (error) {
      // A lease that is not released ends by itself: no failure of the caller's.
      if (!isKvtsError(error)) throw error;
    }
  }
}
