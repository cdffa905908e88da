import { expect, it } from "vitest";
import { Dataset } from "../dataset/dataset.ts";
import { Answers, WrongAnswer } from "./answers.ts";

const dataset = new Dataset({ keys: 10, versions: 3, valueBytes: 40, order: "random" });

it("accepts the value of a version, as bytes or as an entry, and nothing where nothing is stored", () => {
  const answers = new Answers(dataset);
  answers.expect(dataset.value(4, 2), 4, 2);
  answers.expect({ value: dataset.value(4, 2) }, 4, 2);
  answers.expect(undefined, 4, -1);
});

it.each([
  ["another version", dataset.value(4, 1)],
  ["another key", dataset.value(5, 2)],
  ["nothing", undefined],
  ["a value cut short", dataset.value(4, 2).subarray(0, 39)],
])("refuses %s", (_, value) => {
  const answers = new Answers(dataset);
  answers.isThorough = false;
  expect(() => answers.expect(value, 4, 2)).toThrow(WrongAnswer);
});

it("refuses a value where nothing is stored", () => {
  expect(() => new Answers(dataset).expect(dataset.value(4, 0), 4, -1)).toThrow(WrongAnswer);
});

it("looks at every byte when thorough", () => {
  const answers = new Answers(dataset);
  const value = dataset.value(4, 2);
  value[30]! ^= 1;
  expect(() => answers.expect(value, 4, 2)).toThrow(WrongAnswer);
});

it("refuses wrong counts and keys", () => {
  const answers = new Answers(dataset);
  expect(() => answers.expectCount(9, 10, "rows")).toThrow("rows: expected 10, got 9");
  expect(() => answers.expectKey("a", "b")).toThrow(WrongAnswer);
});
