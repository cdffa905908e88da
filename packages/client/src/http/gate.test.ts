import { expect, test } from "vitest";
import { createGate } from "./gate.ts";

const never = new AbortController().signal;
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("lets so many in, and the next in the order of their coming", async () => {
  const gate = createGate(2);
  const entered: number[] = [];
  for (let i = 0; i < 5; i++) void gate.enter(never).then(() => entered.push(i));
  await settle();
  expect(entered).toEqual([0, 1]);
  gate.leave();
  await settle();
  expect(entered).toEqual([0, 1, 2]);
  for (let i = 0; i < 4; i++) gate.leave();
  await settle();
  expect(entered).toEqual([0, 1, 2, 3, 4]);
});

test("who gives up waiting takes no turn", async () => {
  const gate = createGate(1);
  await gate.enter(never);
  const controller = new AbortController();
  const waiting = gate.enter(controller.signal);
  const after = gate.enter(never);
  controller.abort(new Error("late"));
  await expect(waiting).rejects.toThrow("late");
  gate.leave();
  await after;
  gate.leave();
  await gate.enter(never);
});

test("who comes with a signal that has fired does not get in", async () => {
  const gate = createGate(1);
  await expect(gate.enter(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  await gate.enter(never);
});
