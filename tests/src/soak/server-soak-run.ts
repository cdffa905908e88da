import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@kvts/client";
import type { Store } from "@kvts/common";
import { open, verify } from "@kvts/db";
import { Random } from "@kvts/db/testing";
import { attacks } from "../attacks/all.ts";
import { mountSmallDisk, type SmallDisk } from "../small-disk.ts";
import { type ServerProcess, startServer } from "../spawned-server.ts";
import { type BatchSender, batchSenders } from "./batch-senders.ts";
import { checkEverything, checkRecent } from "./check.ts";
import { emptyLedger, type Ledger } from "./ledger.ts";
import { memoryProblems, mib, residentBytes } from "./memory.ts";
import { batchOf } from "./plan.ts";
import type { ServerSoakOptions } from "./server-soak-options.ts";

const sampleMs = 1000;
/** Attacks that go on side by side. */
const attackers = 2;
const holdMsMax = 3000;
const checkIntervalMs = 60_000;
const diskFullIntervalMs = 120_000;
/** How long a disk stays full once that has been noticed, and until when it has to be. */
const diskFullMs = 3000;
const diskNoticedMsMax = 30_000;
/** A server that has not said that it is ready for so long is down. */
const silenceMsMax = 15_000;
const retryMs = 200;
/** A write that is sent again and again for so long is lost. */
const writeMsMax = 120_000;
/** All keys that attacks write come behind those of the ledger. */
const plannedKeys = { end: "victim" };

export interface ServerSoakReport {
  readonly seed: number;
  readonly minutes: number;
  readonly directory: string;
  /** How often each was carried out. */
  readonly attacks: Readonly<Record<string, number>>;
  /** How often the disk was so full that writes were refused. */
  readonly diskFills: number;
  /** Batches acknowledged, by the client that sent them. */
  readonly batches: Readonly<Record<string, number>>;
  readonly refusals: number;
  /** How often all that was acknowledged since the last time was read again. */
  readonly checks: number;
  readonly versions: number;
  /** Resident bytes of the server, a sample a second. */
  readonly memory: readonly number[];
  /** How long /readyz took, each second. */
  readonly readyMs: readonly number[];
  /** What is wrong; empty where nothing is. */
  readonly problems: readonly string[];
}

/** One server that lives through everything. */
export class ServerSoak {
  readonly #options: ServerSoakOptions;
  readonly #note: (text: string) => void;
  readonly #random: Random;
  readonly #endMs: number;
  readonly #startedMs: number = performance.now();
  readonly #over: AbortController = new AbortController();
  readonly #disk: SmallDisk | undefined;
  readonly #directory: string;
  readonly #ledger: Ledger;
  readonly #attacks: Record<string, number> = {};
  readonly #batches: Record<string, number> = {};
  readonly #memory: number[] = [];
  readonly #readyMs: number[] = [];
  readonly #problems: string[] = [];
  readonly #counts = { diskFills: 0, refusals: 0, checks: 0, versions: 0 };
  /** Writers rest while what they wrote is read again. */
  #rest: Promise<void> | undefined;
  #busyWriters = 0;

  constructor(options: ServerSoakOptions, note: (text: string) => void) {
    this.#options = options;
    this.#note = note;
    this.#random = new Random(options.seed);
    this.#endMs = performance.now() + options.minutes * 60_000;
    this.#disk = mountSmallDisk(options.diskBytes);
    if (this.#disk === undefined) note("no disk of its own may be mounted here, so none will be full");
    this.#directory = this.#disk?.path ?? mkdtempSync(join(tmpdir(), "kvts-soak-server-"));
    this.#ledger = emptyLedger({ seed: options.seed, writers: 4 });
  }

  async run(): Promise<ServerSoakReport> {
    try {
      await this.#live();
    } catch (error) {
      this.#problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.#problems.push(...memoryProblems([{ kind: "the server", samples: this.#memory }]));
    if (this.#problems.length === 0) this.#remove();
    return {
      seed: this.#options.seed,
      minutes: (performance.now() - this.#startedMs) / 60_000,
      directory: this.#directory,
      attacks: this.#attacks,
      batches: this.#batches,
      memory: this.#memory,
      readyMs: this.#readyMs,
      ...this.#counts,
      problems: this.#problems,
    };
  }

  #remove(): void {
    if (this.#disk === undefined) rmSync(this.#directory, { recursive: true });
    else this.#disk[Symbol.dispose]();
  }

  async #live(): Promise<void> {
    const dbPath = join(this.#directory, "store");
    // So little memory that tables are flushed and merged all the time.
    const flags = ["--memory", "64MiB", "--memtable-bytes", "1MiB", "--feed-bytes", "64MiB", "--log-level", "warn"];
    const server = await startServer({ dbPath, flags });
    try {
      await this.#underAttack(server);
      const code = await server.stop();
      if (code !== 0) this.#problems.push(`the server ended with ${code}\n${server.log()}`);
    } finally {
      await server.stop("SIGKILL");
    }
    if (this.#problems.length > 0) this.#note(server.log());
    await this.#checkWhole(dbPath);
  }

  async #underAttack(server: ServerProcess): Promise<void> {
    const senders = batchSenders(server);
    await using store = connect(server.grpcUrl, { timeoutMs: 30_000, retry: { triesMax: 20 } });
    const until = (work: () => Promise<void>): Promise<void> => this.#until(work);
    const work = [
      ...senders.map((sender, writer) => until(() => this.#write(sender, writer))),
      ...Array.from({ length: attackers }, () => until(() => this.#attack(server))),
      until(() => this.#watch(server)),
      until(() => this.#check(store)),
      until(() => this.#fillDisk()),
    ];
    await Promise.all(work);
    for (const sender of senders) await sender[Symbol.asyncDispose]();
    this.#problems.push(...(await checkRecent(store, this.#ledger)).problems);
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted || performance.now() > this.#endMs;
  }

  /** Does something again and again until the end; what it throws is wrong, and the end of everything. */
  async #until(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      try {
        await work();
      } catch (error) {
        this.#problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
        this.#over.abort();
      }
    }
  }

  /** Waits, though not beyond the end. */
  async #pause(ms: number): Promise<void> {
    const leftMs = Math.max(0, Math.min(ms, this.#endMs - performance.now()));
    await delay(leftMs, undefined, { signal: this.#over.signal }).catch(() => {});
  }

  /** One batch, sent until it is acknowledged. */
  async #write(sender: BatchSender, writer: number): Promise<void> {
    await this.#rest;
    const state = this.#ledger.states[writer]!;
    const number = state.written;
    const operations = batchOf(this.#ledger, writer, number);
    this.#busyWriters++;
    try {
      const endMs = performance.now() + writeMsMax;
      for (;;) {
        try {
          await sender.send(operations, `${this.#options.seed}/${writer}/${number}`);
          break;
        } catch (error) {
          this.#counts.refusals++;
          if (performance.now() > endMs) throw new Error(`${sender.name} could not write`, { cause: error });
          await delay(retryMs);
        }
      }
      state.written++;
      this.#batches[sender.name] = (this.#batches[sender.name] ?? 0) + 1;
    } finally {
      this.#busyWriters--;
    }
    await this.#pause(this.#options.pauseMs);
  }

  async #attack(server: ServerProcess): Promise<void> {
    const name = this.#random.pick(Object.keys(attacks));
    await attacks[name]!(server, this.#random.between(100, holdMsMax));
    this.#attacks[name] = (this.#attacks[name] ?? 0) + 1;
  }

  /** Whether it is ready, and what memory it has. */
  async #watch({ httpUrl, pid }: ServerProcess): Promise<void> {
    const startedMs = performance.now();
    for (;;) {
      const ready = await isReady(httpUrl);
      if (ready) break;
      if (performance.now() - startedMs > silenceMsMax) throw new Error("the server is not ready any more");
      await delay(retryMs);
    }
    this.#readyMs.push(performance.now() - startedMs);
    const bytes = residentBytes(pid);
    if (bytes === undefined) throw new Error("the server is gone");
    this.#memory.push(bytes);
    await this.#pause(sampleMs);
  }

  async #check(store: Store): Promise<void> {
    await this.#pause(checkIntervalMs);
    if (this.#isOver) return;
    let goOn: () => void = () => {};
    this.#rest = new Promise((resolve) => {
      goOn = resolve;
    });
    try {
      while (this.#busyWriters > 0) await delay(10);
      this.#problems.push(...(await checkRecent(store, this.#ledger)).problems);
    } finally {
      this.#rest = undefined;
      goOn();
    }
    this.#counts.checks++;
    const written = this.#ledger.states.reduce((sum, state) => sum + state.written, 0);
    this.#note(
      `${Math.round((performance.now() - this.#startedMs) / 1000)} s: ${written} batches, ${mib(this.#memory.at(-1) ?? 0)}`,
    );
    if (this.#problems.length > 0) this.#over.abort();
  }

  async #fillDisk(): Promise<void> {
    await this.#pause(this.#options.minutes < 5 ? (this.#options.minutes * 60_000) / 3 : diskFullIntervalMs);
    if (this.#isOver || this.#disk === undefined) return;
    try {
      fillUp(this.#disk);
      const { refusals } = this.#counts;
      const endMs = performance.now() + diskNoticedMsMax;
      while (this.#counts.refusals === refusals && !this.#isOver && performance.now() < endMs)
        await this.#pause(retryMs);
      if (this.#counts.refusals > refusals) this.#counts.diskFills++;
      await this.#pause(diskFullMs);
    } finally {
      this.#disk.makeRoom();
    }
  }

  /** Reads everything through the store, then every byte of its files. */
  async #checkWhole(dbPath: string): Promise<void> {
    const { sound, problems } = await verify(dbPath);
    if (!sound) this.#problems.push(...problems.map(({ message }) => message));
    const db = await open(dbPath, { createIfMissing: false });
    try {
      if (!db.recovery.clean) this.#problems.push("the server did not close its store in order");
      const { problems: wrong, versions } = await checkEverything(db, this.#ledger, plannedKeys);
      this.#counts.versions = versions;
      this.#problems.push(...wrong);
    } finally {
      await db.close();
    }
  }
}

async function isReady(httpUrl: string): Promise<boolean> {
  try {
    const response = await fetch(`${httpUrl}/readyz`, { signal: AbortSignal.timeout(silenceMsMax) });
    await response.text();
    return response.status === 200;
  } catch {
    return false;
  }
}

function fillUp(disk: SmallDisk): void {
  try {
    disk.fill(0);
  } catch (error) {
    // The server was quicker to take the last of it.
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
