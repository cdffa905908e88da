import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { MERGE_PACE, unpaced } from "./pacer.ts";
import { sleepFor, Throttle } from "./throttle.ts";

describe("sleep between slices of work", () => {
  test.each([
    ["none at full pace", 3, 1000, 0],
    ["as long as the work at half", 3, 500, 3],
    ["four times the work at a fifth", 3, 200, 12],
    ["not so long that messages wait", 100, 150, 20],
    ["not worth it", 0.04, 500, 0],
  ])("%s", (_, workedMs, pace, sleepMs) => {
    expect(sleepFor(workedMs, pace)).toBe(sleepMs);
  });
});

test("work has its share of the time", () => {
  const words = unpaced();
  let now = 0;
  const throttle = new Throttle(words, MERGE_PACE, () => now);
  words[MERGE_PACE] = 500;
  now = 10;
  const before = performance.now();
  throttle.rest();
  expect(performance.now() - before).toBeGreaterThan(8);
  now = 30;
  throttle.resume();
  const again = performance.now();
  throttle.rest();
  expect(performance.now() - again).toBeLessThan(8);
});

test("a new pace ends the sleep of another thread", async () => {
  const words = unpaced();
  words[MERGE_PACE] = 150;
  const url = new URL("./throttle.ts", import.meta.url).href;
  const program = `
    const { workerData, parentPort } = require("node:worker_threads");
    import(${JSON.stringify(url)}).then(({ Throttle }) => {
      let now = 0;
      const throttle = new Throttle(workerData, 0, () => now);
      now = 1000;
      parentPort.postMessage("asleep");
      for (let rest = 0; rest < 500; rest++) throttle.rest();
      parentPort.postMessage("awake");
    });`;
  const worker = new Worker(program, { eval: true, workerData: words });
  try {
    const heard: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("message", (message) => {
        heard.push(message);
        if (message === "awake") resolve();
        // Ten seconds of sleep are ahead.
        Atomics.store(words, MERGE_PACE, 1000);
        Atomics.notify(words, MERGE_PACE);
      });
    });
    expect(heard).toEqual(["asleep", "awake"]);
  } finally {
    await worker.terminate();
  }
}, 5_000);
