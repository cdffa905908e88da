import type { Worker } from "node:worker_threads";
import { KvtsError } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import type { Scheduler } from "../env/scheduler.ts";
import type { CompactionJob, CompactionResult, CompactionRunner } from "./job.ts";
import { runJob } from "./run-job.ts";

/** Messages between the runner and its worker. Errors travel as plain data and are rebuilt. */
export interface JobRequest {
  readonly id: number;
  readonly job: CompactionJob;
}
export type JobReply = JobOutcome & {
  readonly id: number;
  /** Bytes of memory that the worker holds. */
  readonly heldBytes: number;
};
export type JobOutcome = { readonly result: CompactionResult } | { readonly failure: JobFailure };
export interface JobFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly isKvts: boolean;
}

interface Waiting {
  resolve(result: CompactionResult): void;
  reject(error: unknown): void;
}

/**
 * Runs jobs in a worker thread of its own, started with the first job. A worker that dies fails what it was doing; the
 * next job starts another.
 */
export class WorkerRunner implements CompactionRunner {
  #worker: Worker | undefined;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #running: Set<Promise<CompactionResult>> = new Set();
  #nextId = 1;
  #heldBytes = 0;

  get heldBytes(): number {
    return this.#worker === undefined ? 0 : this.#heldBytes;
  }

  async run(job: CompactionJob): Promise<CompactionResult> {
    const running = this.#post(job);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  #post(job: CompactionJob): Promise<CompactionResult> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, job } satisfies JobRequest);
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    // Beside this file: the source under a runtime that strips types, the compiled file otherwise.
    const name = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    // Not imported: a process that only reads a store does not need it, and it takes 2 ms to load.
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const worker = new Worker(new URL(name, import.meta.url), {
      name: "kvts-compaction",
      ...(isProgramText(process.execArgv) ? { execArgv: [] } : {}),
      // A merge keeps little alive; what it drops is collected before it adds up to more than its share of memory.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    worker.on("message", (reply: JobReply) => this.#settle(reply));
    worker.on("error", (error) => this.#fail(worker, error));
    worker.on("exit", () => this.#fail(worker, new Error("the compaction worker ended")));
    worker.unref();
    return worker;
  }

  #settle(reply: JobReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    this.#heldBytes = reply.heldBytes;
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ("result" in reply) waiting?.resolve(reply.result);
    else waiting?.reject(toError(reply.failure));
  }

  #fail(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }
}

/** Runs jobs on the calling thread, over any file system: for tests that simulate disks. */
export class InlineRunner implements CompactionRunner {
  readonly #fileSystem: FileSystem;
  readonly #scheduler: Scheduler;
  readonly #running: Set<Promise<CompactionResult>> = new Set();

  constructor(fileSystem: FileSystem, scheduler: Scheduler) {
    this.#fileSystem = fileSystem;
    this.#scheduler = scheduler;
  }

  async run(job: CompactionJob): Promise<CompactionResult> {
    const running = runJob(this.#fileSystem, job, () => this.#scheduler.nextTurn());
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}

/**
 * Whether the program came as text, with --input-type (`node --input-type=module -e …`, or through stdin). A worker takes
 * over Node's arguments, and with that one among them it refuses to start from a file.
 */
function isProgramText(execArgv: readonly string[]): boolean {
  return execArgv.some((argument) => argument === "--input-type" || argument.startsWith("--input-type="));
}

function toError(failure: JobFailure): Error {
  if (failure.isKvts) {
    return new KvtsError(failure.code as KvtsError["code"], failure.message, { details: failure.details ?? {} });
  }
  return Object.assign(new Error(failure.message), failure.code === undefined ? {} : { code: failure.code });
}
