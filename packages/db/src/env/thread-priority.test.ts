import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

/** Priorities of this process's threads, as Linux lists them. */
function priorities(): number[] {
  return readdirSync("/proc/self/task").map((thread) => {
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, "latin1").split(") ")[1]!.split(" ");
    return Number(fields[16]);
  });
}

test.runIf(process.platform === "linux")("one thread steps back, the others stay", async () => {
  const url = new URL("./thread-priority.ts", import.meta.url).href;
  const program = `
    const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(url)}).then(({ stepBack }) => {
      stepBack();
      parentPort.postMessage("done");
      parentPort.once("message", () => {});
    });`;
  const own = getPriority();
  const worker = new Worker(program, { eval: true });
  try {
    await new Promise((resolve, reject) => {
      worker.on("error", reject);
      worker.on("message", resolve);
    });
    expect(priorities().filter((priority) => priority === Math.min(19, own + 5))).toHaveLength(1);
    expect(getPriority()).toBe(own);
  } finally {
    await worker.terminate();
  }
});
