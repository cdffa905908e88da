import type { VerifyOptions, VerifyReport } from "@kvts/common";
import { KvtsError } from "@kvts/common";
import { Scrub, type ScrubHost, type ScrubStats } from "./scrub.ts";
import { Findings } from "./verify/findings.ts";
import { MeteredFiles } from "./verify/metered-files.ts";
import { checkOpenStore, type OpenStore } from "./verify/open-store.ts";
import { readingOptions } from "./verify/options.ts";

/** Whatever reads an open store only to see whether it is sound, and ends with it. */
export class Inspection {
  readonly #store: OpenStore & ScrubHost;
  readonly #scrub: Scrub;
  readonly #closing: AbortController = new AbortController();
  readonly #running: Set<Promise<unknown>> = new Set();

  constructor(store: OpenStore & ScrubHost) {
    this.#store = store;
    this.#scrub = new Scrub(store);
    this.#scrub.start();
  }

  /** See `Db.verify`. */
  async verify(options: VerifyOptions): Promise<VerifyReport> {
    const running = this.#verify(options);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
      throw new KvtsError("CLOSED", "the store was closed while it was being verified; open it again to verify it");
    } finally {
      this.#running.delete(running);
    }
  }

  get scrubStats(): ScrubStats {
    return this.#scrub.stats();
  }

  /** Ends what is under way at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#scrub.close();
    await Promise.allSettled(this.#running);
  }

  async #verify(options: VerifyOptions): Promise<VerifyReport> {
    const { directory, settings, versions } = this.#store;
    const { fileSystem, scheduler } = settings.components;
    const { signal, ...reading } = readingOptions(options);
    const startedMs = scheduler.monotonicMs();
    const ends = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const files = new MeteredFiles({ files: fileSystem, scheduler, ...reading, signal: ends });
    const findings = new Findings(directory);
    await checkOpenStore(this.#store, files, findings);
    return findings.report({
      incarnation: versions.numbers.incarnation,
      bytesRead: files.bytesRead,
      elapsedMs: Math.round(scheduler.monotonicMs() - startedMs),
    });
  }
}
