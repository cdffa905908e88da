import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { systemLoopDelay } from "./loop-delay.ts";

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a stretch of work shows as delay", async () => {
  const delays: number[] = [];
  const unwatch = systemLoopDelay.watch((delayMs) => delays.push(delayMs));
  await delay(30);
  expect(delays.length).toBeGreaterThan(0);
  const end = performance.now() + 60;
  while (performance.now() < end);
  await delay(10);
  unwatch();
  expect(Math.max(...delays)).toBeGreaterThan(50);
  const seen = delays.length;
  await delay(30);
  expect(delays).toHaveLength(seen);
});

test("watching keeps no process alive", async () => {
  const url = new URL("./loop-delay.ts", import.meta.url).href;
  const program = `import { systemLoopDelay } from ${JSON.stringify(url)}; systemLoopDelay.watch(() => {});`;
  const args = ["--input-type=module", "-e", program];
  await expect(promisify(execFile)(process.execPath, args, { timeout: 10_000 })).resolves.toMatchObject({ stdout: "" });
});
