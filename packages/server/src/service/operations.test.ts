import { type EraseResult, silentLogger } from "@kvts/common";
import { expect, test } from "vitest";
import { OperationRegistry, type OperationReport } from "./operations.ts";

const done: EraseResult = { seq: 1, removed: 0, tablesRewritten: 0, bytesRewritten: 0, setAside: [], checkpoints: [] };

function registry() {
  let now = 0;
  const operations = new OperationRegistry({ clock: { now: () => now }, logger: silentLogger });
  const start = (work: (report: OperationReport) => Promise<EraseResult>, signal?: AbortSignal) =>
    operations.start("erase", work, () => true, signal);
  return {
    operations,
    start,
    advance(micros: number) {
      now += micros;
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("it goes on although who began it has left", async () => {
  const { operations } = registry();
  const leaving = new AbortController();
  let end = (): void => {};
  let id = "";
  const waiting = operations.start(
    "erase",
    ({ hidden }) =>
      new Promise((resolve) => {
        end = () => {
          hidden(3);
          resolve(done);
        };
      }),
    (operation) => {
      ({ id } = operation);
      return operation.hiddenSeq !== undefined;
    },
    leaving.signal,
  );
  leaving.abort();
  await expect(waiting).rejects.toMatchObject({ code: "CANCELLED" });
  expect(operations.getOperation(id)).toMatchObject({ state: "running" });
  end();
  await settled();
  expect(operations.getOperation(id)).toMatchObject({ state: "succeeded", hiddenSeq: 3, result: done });
});

test("so many run at a time, and no more", async () => {
  const { operations, start } = registry();
  const ends: ((result: EraseResult) => void)[] = [];
  for (let count = 0; count < 16; count++) await start(() => new Promise((resolve) => ends.push(resolve)));
  await expect(start(async () => done)).rejects.toMatchObject({ code: "OVERLOADED", details: { limit: 16 } });
  ends[0]!(done);
  await settled();
  expect((await start(() => new Promise(() => {}))).state).toBe("running");
  expect(operations.stats()).toEqual({ running: 16, runningMax: 16, ended: 1, failed: 0 });
});

test("those that have ended are forgotten after an hour, or when there are too many; those that run are not", async () => {
  const { operations, start, advance } = registry();
  const running = await start(() => new Promise(() => {}));
  const first = await start(async () => done);
  await settled();
  advance(3_599_999_999);
  const second = await start(async () => done);
  await settled();
  expect(operations.getOperation(first.id).state).toBe("succeeded");
  advance(2);
  expect(() => operations.getOperation(first.id)).toThrow("is not known any more");
  expect(operations.getOperation(second.id).state).toBe("succeeded");
  for (let count = 0; count < 1000; count++) await start(async () => done);
  await settled();
  expect(() => operations.getOperation(second.id)).toThrow("is not known any more");
  expect(operations.getOperation(running.id).state).toBe("running");
});

test("closing is told to what runs", async () => {
  const { operations, start } = registry();
  let reason: unknown;
  await start(({ closing }) => {
    closing.addEventListener("abort", () => {
      reason = closing.reason;
    });
    return new Promise(() => {});
  });
  operations.close();
  expect(reason).toMatchObject({ code: "UNAVAILABLE" });
});

test("what is no error of kvts' own is told without its inner parts", async () => {
  const { operations, start } = registry();
  const { id } = await start(async () => {
    throw new TypeError("x is not a function");
  });
  await settled();
  const { error } = operations.getOperation(id);
  expect([error?.code, error?.message]).toEqual(["INTERNAL", expect.stringContaining(id)]);
  expect(error?.message).not.toContain("function");
});
