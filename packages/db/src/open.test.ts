import { expect, test } from "vitest";
import { isKvtsError, open } from "./index.ts";

test.each([
  ["", {}, 'the directory of a store is a path such as "./data", not ""'],
  [undefined, {}, "not undefined"],
  ["./nowhere", { durabilty: "sync" }, 'open has no option "durabilty"; it may have durability, keys'],
  ["./nowhere", { durability: "none" }, 'durability is "sync" or "buffered", not "none"'],
  ["./nowhere", "bytes", "the options of open are an object with durability, keys"],
])("open(%j, %j) is refused before anything is made", async (directory, options, sentence) => {
  const error: unknown = await open(directory as string, options as object).catch((failure: unknown) => failure);
  expect(isKvtsError(error) && [error.code, error.message]).toEqual([
    "INVALID_ARGUMENT",
    expect.stringContaining(sentence),
  ]);
});
