import { expect, test } from "vitest";
import { TurnTaking } from "./turn-taking.ts";

test("a job waits between two steps until no urgent one is left", async () => {
  let turns = 0;
  const taking = new TurnTaking(async () => {
    turns++;
  });
  const log: string[] = [];
  const endFirst = taking.begin(true);
  const endSecond = taking.begin(true);
  const waiting = taking.pause(false).then(() => log.push("merge"));
  await taking.pause(true);
  log.push("flush");
  endFirst();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect(log).toEqual(["flush"]);
  endSecond();
  await waiting;
  expect(log).toEqual(["flush", "merge"]);
  // It sleeps meanwhile: one turn for each pause.
  expect(turns).toBe(2);
});

test("one job does not wait for others of its kind", async () => {
  const taking = new TurnTaking(() => Promise.resolve());
  taking.begin(false);
  await expect(taking.pause(false)).resolves.toBeUndefined();
});
