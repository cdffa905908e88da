import type { CompactionJob, CompactionResult, CompactionRunner } from "../compaction/job.ts";

/** Keeps jobs waiting until they are let go. */
export class HeldRunner implements CompactionRunner {
  readonly #inner: CompactionRunner;
  #isHeld: (job: CompactionJob) => boolean = () => false;
  #released: Promise<void> = Promise.resolve();
  #letGo: () => void = () => {};

  constructor(inner: CompactionRunner) {
    this.#inner = inner;
  }

  /** From now on such jobs wait: all of them, unless told which. */
  hold(isHeld: (job: CompactionJob) => boolean = () => true): void {
    this.#isHeld = isHeld;
    this.#released = new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  letGo(): void {
    this.#isHeld = () => false;
    this.#letGo();
  }

  async run(job: CompactionJob): Promise<CompactionResult> {
    if (this.#isHeld(job)) await this.#released;
    return this.#inner.run(job);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
