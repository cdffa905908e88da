import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { open, verify } from "@kvts/db";
import { Random } from "@kvts/db/testing";
import { checkEverything, checkRecent } from "./check.ts";
import { type Host, startEmbedded, startServed } from "./hosts.ts";
import { emptyLedger, type Ledger } from "./ledger.ts";
import { memoryProblems, type ProcessMemory, residentBytes } from "./memory.ts";
import type { SoakReport } from "./report.ts";
import type { SoakOptions } from "./soak-options.ts";

const WRITERS = 12;
/** Seconds that a process lives under load: mostly few, now and then long enough to judge its memory by. */
const LIVES_S: readonly number[] = [1, 2, 5, 10, 20, 60, 300, 1200];
const KILL_SHARE = 0.75;
const SAMPLE_MS = 1000;
/** Shorter lives only where all the time there is would go into one. */
const LIVES_MIN = 6;

/**
 * A soak: processes that open one store after the other on a real disk, and end in order or by SIGKILL; after each the
 * next one reads again what was acknowledged. A store that has grown to its share of the disk is read as a whole,
 * verified and removed, and another begun, as the last one is at the end.
 */
export class Soak {
  readonly #options: SoakOptions;
  readonly #note: (text: string) => void;
  readonly #random: Random;
  readonly #directory: string;
  readonly #endMs: number;
  readonly #memory: ProcessMemory[] = [];
  readonly #problems: string[] = [];
  readonly #counts = { stores: 0, kills: 0, stops: 0, batches: 0, found: 0, absent: 0, versions: 0, diskBytesMost: 0 };
  readonly #startedMs: number = performance.now();
  #lives = 0;

  constructor(options: SoakOptions, note: (text: string) => void) {
    this.#options = options;
    this.#note = note;
    this.#random = new Random(options.seed);
    this.#endMs = performance.now() + options.minutes * 60_000;
    this.#directory = options.directory ?? mkdtempSync(join(tmpdir(), "kvts-soak-"));
  }

  /** Ends early where something is wrong; the store is left as it is then. */
  async run(): Promise<SoakReport> {
    try {
      while (this.#problems.length === 0 && performance.now() < this.#endMs) await this.#oneStore();
    } catch (error) {
      this.#problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.#problems.push(...memoryProblems(this.#memory));
    if (this.#problems.length === 0 && this.#options.directory === undefined)
      rmSync(this.#directory, { recursive: true });
    return {
      seed: this.#options.seed,
      minutes: (performance.now() - this.#startedMs) / 60_000,
      directory: this.#directory,
      ...this.#counts,
      memory: this.#memory,
      problems: this.#problems,
    };
  }

  async #oneStore(): Promise<void> {
    const directory = join(this.#directory, `store-${++this.#counts.stores}`);
    const ledger = emptyLedger({ seed: this.#random.u32() >>> 1, writers: WRITERS });
    while (performance.now() < this.#endMs) {
      await this.#oneLife(directory, ledger);
      if (this.#problems.length > 0) return;
      const bytes = directoryBytes(directory);
      this.#counts.diskBytesMost = Math.max(this.#counts.diskBytesMost, bytes);
      if (bytes > this.#options.diskBytesMax) break;
    }
    await this.#checkWhole(directory, ledger);
    if (this.#problems.length === 0) rmSync(directory, { recursive: true });
  }

  /** One process, from its start to its end. */
  async #oneLife(directory: string, ledger: Ledger): Promise<void> {
    const host = await this.#start(directory, ledger);
    this.#counts.found += host.found;
    this.#counts.absent += host.absent;
    this.#problems.push(...host.problems);
    const before = written(ledger);
    const how = this.#random.chance(KILL_SHARE) ? "kill" : "stop";
    const seconds = Math.min(
      this.#random.pick(LIVES_S) * (0.5 + this.#random.u32() / 2 ** 32),
      (this.#options.minutes * 60) / LIVES_MIN,
    );
    const memory: ProcessMemory = { kind: host.kind, samples: [] };
    this.#memory.push(memory);
    try {
      if (this.#problems.length === 0) await Promise.race([this.#watch(host, directory, memory, seconds), host.failed]);
    } finally {
      await host.end(how);
    }
    this.#counts[how === "kill" ? "kills" : "stops"]++;
    this.#counts.batches += written(ledger) - before;
    this.#note(
      `${host.kind}, ${how === "kill" ? "killed" : "stopped"} after ${seconds.toFixed(1)} s, ${written(ledger)} batches`,
    );
  }

  #start(directory: string, ledger: Ledger): Promise<Host> {
    switch (this.#lives++ % 4) {
      case 0:
      case 2:
        return startEmbedded(directory, ledger);
      case 1:
        return startServed(directory, ledger, "gRPC");
      default:
        return startServed(directory, ledger, "HTTP");
    }
  }

  async #watch({ pid }: Host, directory: string, { samples }: ProcessMemory, seconds: number): Promise<void> {
    const endMs = Math.min(performance.now() + seconds * 1000, this.#endMs + SAMPLE_MS);
    for (let leftMs = endMs - performance.now(); leftMs > 0; leftMs = endMs - performance.now()) {
      await delay(Math.min(SAMPLE_MS, leftMs));
      const bytes = residentBytes(pid);
      if (bytes !== undefined) samples.push(bytes);
      if (directoryBytes(directory) > this.#options.diskBytesMax) return;
    }
  }

  /** Reads everything through the store, then every byte of its files. */
  async #checkWhole(directory: string, ledger: Ledger): Promise<void> {
    const db = await open(directory, { createIfMissing: false });
    try {
      const recent = await checkRecent(db, ledger);
      this.#counts.found += recent.found;
      this.#counts.absent += recent.absent;
      const all = await checkEverything(db, ledger);
      this.#counts.versions += all.versions;
      this.#problems.push(...recent.problems, ...all.problems);
    } finally {
      await db.close();
    }
    const { sound, problems } = await verify(directory);
    if (!sound) this.#problems.push(...problems.map(({ message }) => message));
    this.#note(`store ${this.#counts.stores} checked as a whole: ${this.#counts.versions} versions so far`);
  }
}

function written({ states }: Ledger): number {
  return states.reduce((sum, state) => sum + state.written, 0);
}

/** Bytes of all files of a store. */
function directoryBytes(directory: string): number {
  const size = (name: string): number => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  return readdirSync(directory).reduce((sum, name) => sum + size(name), 0);
}
