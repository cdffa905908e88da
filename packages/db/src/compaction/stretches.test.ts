import { expect, test } from "vitest";
import { type KeySpan, stretchesOf } from "./stretches.ts";

const KEYS = new TextEncoder();

interface Named extends KeySpan {
  readonly name: string;
}

/** `smallest-largest`, apart by spaces. */
function spans(text: string): Named[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((name) => {
      const [smallest, largest] = name.split("-");
      return { name, smallest: KEYS.encode(smallest), largest: KEYS.encode(largest) };
    });
}

test.each<[string, string, string, string[]]>([
  ["nothing above", "", "a-z", []],
  ["nothing below", "n-z a-m", "", ["a-m /", "n-z /"]],
  ["a shared key hangs together", "m-z a-m", "", ["a-m m-z /"]],
  ["so does a table below", "n-z a-m", "m-n", ["a-m n-z / m-n"]],
  ["what hangs together by others", "a-b c-d x-z", "b-c e-f y-y", ["a-b c-d / b-c", "x-z / y-y"]],
  ["one within another", "a-z c-d f-g", "", ["a-z c-d f-g /"]],
  ["a table below apart from all is left out", "a-b y-z", "c-x", ["a-b /", "y-z /"]],
])("stretches: %s", (_, upper, lower, expected) => {
  const names = (tables: readonly Named[]) => tables.map(({ name }) => name).join(" ");
  const found = stretchesOf(spans(upper), spans(lower));
  expect(found.map((stretch) => `${names(stretch.upper)} / ${names(stretch.lower)}`.trim())).toEqual(expected);
});
