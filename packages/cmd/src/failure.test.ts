import { readFileSync } from "node:fs";
import { KvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { describeFailure, failed, notFound, usageError } from "./failure.ts";

describe("exit codes", () => {
  test.each([
    [usageError("x"), 2],
    [notFound("x"), 3],
    [failed("x"), 1],
    [new KvtsError("INVALID_ARGUMENT", "x"), 2],
    [new KvtsError("LOCKED", "x"), 1],
    [new TypeError("x"), 1],
  ])("%o", (error, exitCode) => {
    expect(describeFailure(error).exitCode).toBe(exitCode);
  });
});

test("a full stop at the end of an error's sentence is left out", () => {
  expect(describeFailure(new KvtsError("LOCKED", "it is held; wait.")).message).toBe("it is held; wait");
});

test("details of the store's error are kept", () => {
  const error = new KvtsError("HISTORY_TRIMMED", "too old", { details: { oldestReadable: 5 } });
  expect(describeFailure(failed("x", error)).details).toEqual({ oldestReadable: 5 });
});

test("a system error becomes a sentence that names the file", () => {
  let caught: unknown;
  try {
    readFileSync("/does/not/exist");
  } catch (error) {
    caught = error;
  }
  expect(describeFailure(caught)).toMatchObject({
    code: "ENOENT",
    message: "/does/not/exist does not exist; check the path",
  });
});

test("an unknown system error is told in the system's words", () => {
  const error = Object.assign(new Error("ELOOP: too many links"), { errno: -40, code: "ELOOP" });
  expect(describeFailure(error)).toMatchObject({ code: "ELOOP", message: "the system refused: ELOOP: too many links" });
});
