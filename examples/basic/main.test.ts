import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

test("prints what was and what is", { timeout: 60_000 }, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main]);
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    expect.stringMatching(/^carol is stored, seq \d+$/),
    "user:1 is alice cooper, was alice in February and nobody in 2022",
    "carol is 41",
    "on 14 February user:1 was alice",
    "on 14 February user:2 was bob",
    "user:1 is gone",
    "user:1 became alice on 2023-01-10",
    "user:1 became alice cooper on 2023-03-01",
    "user:1 was deleted today",
    "",
  ]);
});

test("stays short", () => {
  expect(readFileSync(main, "utf8").split("\n").length).toBeLessThan(60);
});
