import type { CompactionJob } from "../../compaction/job.ts";
import { parseFileName } from "../../format/filenames.ts";
import type { FileCall } from "../file-call.ts";
import { CHECKPOINTS } from "./simulated-checkpoint.ts";

/** What a store was doing when it called its disk. */
export const ACTIVITIES = [
  "open",
  "log",
  "segment recycling",
  "flush",
  "compaction",
  "manifest edit",
  "manifest rollover",
  "restore",
  "removal",
  "checkpoint",
  "close",
  "repair",
] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** Opening, closing and repair are whole phases of a process; in between the files tell what goes on. */
export type Phase = "open" | "run" | "close" | "repair";

/** Tells from a store's calls to its disk, and from the jobs that it has running, what they are part of. */
export class ActivityWatch {
  phase: Phase = "open";
  readonly #jobs: Set<CompactionJob> = new Set();
  /** The manifest that is being made while the store runs, until CURRENT names it. */
  #rollingOver = 0;

  /** A job begins; call the result when it has ended. */
  begin(job: CompactionJob): () => void {
    this.#jobs.add(job);
    return () => this.#jobs.delete(job);
  }

  /** Call it for every call, in order: what one means depends on those before it. */
  of({ kind, path }: FileCall): Activity {
    if (this.phase !== "run") return this.phase;
    if (path.startsWith(CHECKPOINTS)) return "checkpoint";
    const file = parseFileName(path.slice(path.lastIndexOf("/") + 1));
    // A job syncs the directory once its tables are there.
    if (file === undefined) return kind === "syncDirectory" ? this.#syncer() : "log";
    switch (file.kind) {
      case "table":
        return this.#writerOf(file.number) ?? (kind === "remove" ? "removal" : "restore");
      case "manifest":
        if (kind === "create") this.#rollingOver = file.number;
        return kind === "remove" || file.number === this.#rollingOver ? "manifest rollover" : "manifest edit";
      case "temporary":
        return "manifest rollover";
      case "current":
        if (kind === "rename") this.#rollingOver = 0;
        return "manifest rollover";
      case "spare":
        return "segment recycling";
      case "log":
        return kind === "rename" || kind === "remove" ? "segment recycling" : "log";
      default:
        return "log";
    }
  }

  #writerOf(table: number): Activity | undefined {
    for (const job of this.#jobs) {
      if (table >= job.firstOutput && table < job.firstOutput + job.outputsMax) return activityOf(job);
    }
    return undefined;
  }

  #syncer(): Activity {
    if (this.#rollingOver > 0) return "manifest rollover";
    for (const job of this.#jobs) return activityOf(job);
    return "log";
  }
}

function activityOf(job: CompactionJob): Activity {
  return job.memtables.length > 0 ? "flush" : "compaction";
}
