import { parentPort } from "node:worker_threads";
import { isKvtsError } from "@kvts/common";
import { nodeFileSystem } from "../env/node-file-system.ts";
import { runJob } from "./run-job.ts";
import type { JobFailure, JobReply, JobRequest } from "./runner.ts";
import { TurnTaking } from "./turn-taking.ts";

/** The compaction worker: jobs come in as messages, urgent ones go first, results go back. */
const port = parentPort!;
const turns = new TurnTaking(() => new Promise((resolve) => setImmediate(resolve)));

port.on("message", ({ id, job }: JobRequest) => {
  const finish = turns.begin(job.urgent);
  runJob(nodeFileSystem, job, () => turns.pause(job.urgent))
    .then(
      (result): JobReply => ({ id, result }),
      (error: unknown): JobReply => ({ id, failure: describe(error) }),
    )
    .then((reply) => {
      finish();
      port.postMessage(reply);
    });
});

function describe(error: unknown): JobFailure {
  const known = error as { message?: string; code?: string };
  return {
    message: known.message ?? String(error),
    code: known.code,
    details: isKvtsError(error) ? error.details : undefined,
    isKvts: isKvtsError(error),
  };
}
