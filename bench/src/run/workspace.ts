import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContenderName } from "../stores/registry.ts";
import type { Workload } from "../workloads/workload.ts";
import { runTaskAndKill } from "./run-task.ts";
import type { Scale } from "./task.ts";

/** The directories of a run, each in the state that a workload wants to find. Disposing of it removes them. */
export class Workspace implements AsyncDisposable {
  readonly #base: string;
  readonly #scale: Scale;
  readonly #loaded: Map<ContenderName, string> = new Map();

  /** @param base is made where it is missing; nothing else may be in it */
  constructor(base: string, scale: Scale) {
    this.#base = base;
    this.#scale = scale;
  }

  /** A directory for the workload. Hand it back with {@link release}. */
  async prepare({ id, stage }: Workload, contender: ContenderName): Promise<string> {
    if (stage === "loaded") return this.#loadedBy(contender);
    await mkdir(this.#base, { recursive: true });
    const directory = await mkdtemp(join(this.#base, `${contender}-${id}-`));
    if (stage === "copied") await cp(this.#loadedBy(contender), directory, { recursive: true });
    if (stage === "killed") {
      await runTaskAndKill({ ...this.#scale, contender, jobs: [{ kind: "fill", directory }] });
    }
    return directory;
  }

  /** Removes the directory, or keeps it where others are to read what was loaded. */
  async release({ stage }: Workload, contender: ContenderName, directory: string): Promise<void> {
    if (stage === "loaded") return;
    const unneeded = stage === "load" ? this.#loaded.get(contender) : directory;
    if (stage === "load") this.#loaded.set(contender, directory);
    if (unneeded !== undefined) await rm(unneeded, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#base, { recursive: true, force: true });
  }

  #loadedBy(contender: ContenderName): string {
    const directory = this.#loaded.get(contender);
    if (directory === undefined) throw new Error(`${contender} has not been loaded`);
    return directory;
  }
}
