import { isKvtsError } from "@kvts/common";
import { type KeyPool, randomKeyPool } from "./key-pool.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import type { Moment } from "./model-reader.ts";
import { OpenReads } from "./open-reads.ts";
import type { Random } from "./random.ts";
import { RandomAdmission } from "./random-admission.ts";
import { RandomOperations, randomTimestamps } from "./random-operations.ts";
import { RandomRetention } from "./random-retention.ts";
import { StoreChecks } from "./store-checks.ts";
import type { TestReader } from "./store-contents.ts";
import type { TestStore } from "./test-store.ts";

export interface RandomRunOptions {
  readonly steps: number;
  /** Bytes of the longest values. */
  readonly valueBytesMax: number;
  /** Whether keys of 65,000 bytes may come up. */
  readonly longKeys: boolean;
}

/** Steps that the report of a failure lists. */
const LOGGED_STEPS = 25;

interface HeldSnapshot {
  readonly reader: TestReader & { close(): Promise<void> };
  readonly moment: Moment;
}

/**
 * Random steps on a store, each held against the model: writes, reads of every kind, snapshots and scans that stay open,
 * flushes, merges, orderly restarts, killed processes, power cuts.
 */
export class RandomRun {
  /** What has been done so far. */
  readonly #log: string[] = [];
  readonly #random: Random;
  readonly #store: TestStore;
  readonly #options: RandomRunOptions;
  readonly #pool: KeyPool;
  readonly #operations: RandomOperations;
  readonly #admission: RandomAdmission;
  readonly #checks: StoreChecks;
  readonly #retention: RandomRetention | undefined;
  #snapshots: HeldSnapshot[] = [];
  readonly #reads: OpenReads;
  /** Flushes, merges and reads under way. */
  #pending: Promise<void>[] = [];

  constructor(random: Random, store: TestStore, options: RandomRunOptions) {
    this.#random = random;
    this.#reads = new OpenReads(random);
    this.#store = store;
    this.#options = options;
    this.#pool = randomKeyPool(random, options.longKeys);
    const timestamps = randomTimestamps(random);
    const now = () => store.clock.now();
    this.#retention = random.chance(0.4) ? new RandomRetention(random, store, this.#pool, timestamps) : undefined;
    this.#operations = new RandomOperations(random, {
      pool: this.#pool,
      timestamps,
      assignedShare: random.pick([0, 0.3, 0.9]),
      valueBytesMax: options.valueBytesMax,
      now,
      horizon: (key) => store.horizonMax(key),
      horizonOver: (range) => store.horizonMaxOver(range),
    });
    this.#admission = new RandomAdmission(random, store, this.#operations, this.#pool);
    this.#checks = new StoreChecks(random, {
      model: store.model,
      pool: this.#pool,
      timestamps,
      now,
      horizons: () => store.horizons(),
    });
  }

  /** Runs to the end. A failure tells the last steps before it. */
  async run(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\nafter ${this.#log.slice(-LOGGED_STEPS).join("; ")}`, { cause: error });
    }
  }

  async #run(): Promise<void> {
    const store = this.#store;
    await store.open();
    for (let step = 0; step < this.#options.steps; step++) await this.#step();
    await this.#checkEverything();
    await this.#settle();
    await store.db.compact();
    await this.#checkEverything();
    await this.#restart("closed", async () => {
      await store.close();
      await store.open();
    });
    await this.#checkEverything();
    await store.close();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 50) await this.#write(1);
    else if (kind < 53) await this.#write(random.between(2, 12));
    else if (kind < 57) await this.#admit();
    else if (kind < 72) await this.#checks.any(this.#store.db);
    else if (kind < 75) this.#pending.push(this.#checks.getLater(this.#store.db));
    else if (kind < 79) this.#maintain("flush");
    else if (kind < 81) this.#maintain("compact");
    else if (kind < 82 && this.#retention !== undefined) this.#note(await this.#retention.any());
    else if (kind < 84) await this.#takeSnapshot();
    else if (kind < 87) await this.#readSnapshot();
    else if (kind < 89) await this.#beginRead();
    else if (kind < 92) await this.#reads.goOn();
    else if (kind < 93) await (random.chance(0.7) ? this.#restore() : this.#erase());
    else if (kind < 94) this.#store.clock.advance(random.pick([1, 1000, 10 ** 9]));
    else if (kind < 98) await this.#wait();
    else await this.#stop();
  }

  async #write(batches: number): Promise<void> {
    this.#note(`write ${batches}`);
    const operationsMax = this.#pool.kind === "shared65000" ? 3 : this.#random.pick([3, 3, 40]);
    const submitted = Array.from({ length: batches }, () => this.#store.submit(this.#operations.batch(operationsMax)));
    for (const { state, error } of await Promise.all(submitted)) {
      if (state !== "acknowledged") throw new Error("a write was refused", { cause: error });
    }
  }

  async #admit(): Promise<void> {
    this.#note("a write with conditions or a request id");
    await this.#admission.any();
  }

  async #restore(): Promise<void> {
    const { db } = this.#store;
    if (this.#random.chance(0.3)) return this.#checks.restorePreview(db);
    const [range, to] = [this.#checks.range(), this.#checks.timestamp()];
    this.#note(`restore to ${to}`);
    const batch = await this.#store.restore(range, to);
    if (batch !== undefined && batch.state !== "acknowledged") {
      throw new Error("a restore was refused", { cause: batch.error });
    }
  }

  /** Reads that have begun, and are not at their end, may show less from then on. */
  async #erase(): Promise<void> {
    const range = this.#random.chance(0.5) ? { prefix: this.#checks.key() } : this.#checks.range();
    this.#note("erase");
    this.#reads.forget();
    await this.#settle();
    const batch = await this.#store.erase(range);
    if (batch.state !== "acknowledged") throw new Error("an erasure was refused", { cause: batch.error });
  }

  #maintain(kind: "flush" | "compact"): void {
    this.#note(kind);
    this.#pending.push(this.#store.db[kind]());
  }

  async #takeSnapshot(): Promise<void> {
    const { db, model, clock } = this.#store;
    const seq = this.#random.chance(0.5) ? undefined : this.#random.below(model.seq + 1);
    try {
      const reader = db.snapshot({ seq });
      const horizons = this.#store.horizons();
      this.#note(`snapshot at ${reader.seq}`);
      this.#snapshots.push({ reader, moment: { atSeq: reader.seq, now: clock.now(), horizons } });
    } catch (error) {
      // Read afterwards: it may rise, never fall.
      const floor = Number((await db.stats()).seqFloor);
      if (!isKvtsError(error, "CURSOR_EXPIRED") || seq === undefined || seq >= floor) throw error;
    }
  }

  async #readSnapshot(): Promise<void> {
    const random = this.#random;
    if (this.#snapshots.length === 0) return;
    const at = random.below(this.#snapshots.length);
    const { reader, moment } = this.#snapshots[at]!;
    if (random.chance(0.2)) {
      this.#note(`snapshot at ${moment.atSeq} closed`);
      this.#snapshots.splice(at, 1);
      await this.#checks.everything(reader, moment);
      await reader.close();
    } else {
      await this.#checks.any(reader, moment);
    }
  }

  /** Begins a scan or history, which sees what there is now, and leaves it open. */
  async #beginRead(): Promise<void> {
    const { db } = this.#store;
    const checks = this.#checks;
    const read = this.#random.chance(0.7) ? checks.openScan(db) : checks.openHistory(db, checks.key());
    this.#note(`begun: ${read.text}`);
    await this.#reads.begin(read);
  }

  async #wait(): Promise<void> {
    const turns = this.#random.pick([1, 5, 50]);
    for (let turn = 0; turn < turns; turn++) await this.#store.nextTurn();
  }

  /** Ends the process in one way or another, and starts it again. */
  async #stop(): Promise<void> {
    const { fileSystem } = this.#store;
    const kind = fileSystem instanceof MemoryFileSystem ? this.#random.below(3) : 0;
    const name = ["closed", "killed", "power cut"][kind]!;
    await this.#restart(name, () => (kind === 0 ? this.#reopen() : this.#crash(kind === 1)));
  }

  async #restart(how: string, stop: () => Promise<void>): Promise<void> {
    this.#note(how);
    await stop();
    this.#snapshots = [];
    this.#reads.forget();
    await this.#checks.any(this.#store.db);
  }

  async #reopen(): Promise<void> {
    if (this.#random.chance(0.5)) await this.#settle();
    const pending = this.#settled();
    await this.#store.close();
    await pending;
    await this.#store.open();
  }

  /** @param killed the process alone is gone; else the power, and with it what was not synced. */
  async #crash(killed: boolean): Promise<void> {
    const random = this.#random;
    const buffered = (await this.#store.db.stats()).durability === "buffered";
    const before = this.#store.fileSystem as MemoryFileSystem;
    const after = before.crash(killed || buffered ? () => true : random.fork().coin(random.pick([0, 0.5, 1])));
    const pending = this.#settled();
    await this.#store.abandon().close();
    await pending;
    await this.#store.open(after);
  }

  async #checkEverything(): Promise<void> {
    await this.#checks.everything(this.#store.db);
    for (const { reader, moment } of this.#snapshots) await this.#checks.everything(reader, moment);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  /** The same where a store that closes may refuse them. */
  async #settled(): Promise<void> {
    for (const result of await Promise.allSettled(this.#pending.splice(0))) {
      if (result.status === "rejected" && !isKvtsError(result.reason, "CLOSED")) throw result.reason;
    }
  }

  #note(step: string): void {
    this.#log.push(`${this.#log.length}: ${step}`);
  }
}
