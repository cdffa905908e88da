import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Figures } from "../workloads/workload.ts";
import type { Reply, Task } from "./task.ts";

const childPath = fileURLToPath(new URL("./child.ts", import.meta.url));
const taskMaxMs = 30 * 60_000;
const errorCharsMax = 4000;

/** What still runs; ended with this process, however that ends. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Performs a task in a process of its own, and waits for its end.
 * @throws with the child's own words where it fails
 */
export async function runTask(task: Task): Promise<Figures> {
  await using child = startChild(task);
  const figures = await child.figures;
  await child.ended;
  return figures;
}

/** The same, but kills the process as soon as it has done its work, with SIGKILL. */
export async function runTaskAndKill(task: Task): Promise<void> {
  await using child = startChild(task);
  await child.figures;
}

interface Child extends AsyncDisposable {
  readonly figures: Promise<Figures>;
  readonly ended: Promise<unknown>;
}

function startChild(task: Task): Child {
  const child = fork(childPath, [JSON.stringify(task)], {
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    timeout: taskMaxMs,
    killSignal: "SIGKILL",
  });
  running.add(child);
  const output = collect(child);
  const ended = once(child, "close").finally(() => running.delete(child));
  return {
    figures: awaitReply(child, ended, output),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function awaitReply(child: ChildProcess, ended: Promise<unknown>, output: () => string): Promise<Figures> {
  return new Promise((resolve, reject) => {
    child.on("message", (reply: Reply) => {
      if (reply.kind === "done") resolve(reply.figures);
      else reject(new Error(reply.reason));
    });
    ended.then(() => reject(new Error(`it ended with ${child.exitCode ?? child.signalCode} ${output()}`)), reject);
  });
}

/** The last of what the process wrote. */
function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => {
      text = (text + part).slice(-errorCharsMax);
    });
  }
  return () => text;
}
