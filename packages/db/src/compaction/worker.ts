import { getHeapStatistics } from "node:v8";
import { parentPort } from "node:worker_threads";
import { isKvtsError } from "@kvts/common";
import { nodeFileSystem } from "../env/node-file-system.ts";
import { systemScheduler } from "../env/scheduler.ts";
import { stepBack } from "../env/thread-priority.ts";
import type { CompactionJob } from "./job.ts";
import { FLUSH_PACE, MERGE_PACE } from "./pacer.ts";
import { runJob } from "./run-job.ts";
import type { JobFailure, JobOutcome, JobReply, JobRequest } from "./runner.ts";
import { Throttle } from "./throttle.ts";
import { TurnTaking } from "./turn-taking.ts";

/** The compaction worker: jobs come in as messages, urgent ones go first, results go back. */
const port = parentPort!;
stepBack();
const turns = new TurnTaking(systemScheduler.nextTurn);

port.on("message", ({ id, job }: JobRequest) => {
  void answer(id, job);
});

/** Runs a job and posts what became of it; never rejects. */
async function answer(id: number, job: CompactionJob): Promise<void> {
  const finish = turns.begin(job.urgent);
  const throttle = new Throttle(job.pace, job.urgent ? FLUSH_PACE : MERGE_PACE, systemScheduler.monotonicMs);
  const pause = async (): Promise<void> => {
    throttle.rest();
    await turns.pause(job.urgent);
    throttle.resume();
  };
  let outcome: JobOutcome;
  try {
    outcome = { result: await runJob(nodeFileSystem, job, pause) };
  } catch (error) {
    outcome = { failure: describe(error) };
  }
  finish();
  port.postMessage({ ...outcome, id, heldBytes: heldBytes() } satisfies JobReply);
}

/** Of this thread: its objects, and the buffers that they stand for. */
function heldBytes(): number {
  const { total_heap_size, external_memory } = getHeapStatistics();
  return total_heap_size + external_memory;
}

function describe(error: unknown): JobFailure {
  const known = error as { message?: string; code?: string };
  return {
    message: known.message ?? String(error),
    code: known.code,
    details: isKvtsError(error) ? error.details : undefined,
    isKvts: isKvtsError(error),
  };
}
