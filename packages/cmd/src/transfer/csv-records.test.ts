import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CsvRecord, CsvRecords } from "./csv-records.ts";

function recordsOf(text: string, recordBytesMax = 1_000, delimiter = ","): CsvRecord[] {
  const records = new CsvRecords(delimiter.charCodeAt(0), recordBytesMax);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const complete = lines.map((line, at) => records.add({ number: at + 1, bytes: Buffer.from(line), ended: true }));
  return [...complete, records.end()].filter((record) => record !== undefined);
}

function textsOf(text: string, delimiter = ","): (readonly string[])[] {
  return recordsOf(text, 1_000, delimiter).map(({ fields }) => fields!.map((field) => Buffer.from(field).toString()));
}

test("agrees with another reader on every well-formed file", () => {
  const field = fc.array(fc.constantFrom("a", "ü", " ", ",", '"', "\n", "\r\n", ";")).map((parts) => parts.join(""));
  const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
  fc.assert(
    fc.property(table, fc.constantFrom("\n", "\r\n"), fc.boolean(), (rows, newline, quoteAll) => {
      const write = (text: string): string =>
        quoteAll || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
      const text = rows.map((row) => row.map(write).join(",") + newline).join("");
      const expected: string[][] = parse(text, { relax_column_count: true, record_delimiter: newline });
      expect(textsOf(text)).toEqual(expected);
      expect(textsOf(text)).toEqual(rows);
    }),
  );
});

test("records know the line on which they begin; empty lines are none", () => {
  expect(recordsOf('a,b\n\n"1\n2",x\r\n\r\n3,4').map(({ line }) => line)).toEqual([1, 3, 6]);
});

test("a quote within an unquoted field stands for itself", () => {
  expect(textsOf('5" pipe,it\'s "so"\n')).toEqual([['5" pipe', 'it\'s "so"']]);
});

test("another delimiter", () => {
  expect(textsOf("a;b,c\n", ";")).toEqual([["a", "b,c"]]);
});

describe("malformed records", () => {
  test("text behind a closing quote spoils its line alone", () => {
    const records = recordsOf('a,b\n1,"x"y\n2,3\n');
    expect(records.map(({ line, flaw }) => [line, flaw?.slice(0, 8)])).toEqual([
      [1, undefined],
      [2, "has text"],
      [3, undefined],
    ]);
  });

  test.each([
    ["delimiters alone", ",".repeat(20_000), "has more than 10000 fields"],
    ["quoted fields without end", '"a",'.repeat(20_000), "has more than 10000 fields"],
    [
      "a quoted field of many lines, each with a doubled quote at its end",
      `"${'x""\n'.repeat(400)}`,
      "not closed in time",
    ],
    ["many quoted fields over many lines", `"${'\n","'.repeat(400)}`, "not closed in time"],
  ])("%s end at a bound; the next line is another record", (_, text, flaw) => {
    const records = recordsOf(`a,b\n${text}\n`, text.includes("\n") ? 1_000 : 200_000);
    expect(records[1]).toMatchObject({ line: 2, fields: undefined, flaw: expect.stringContaining(flaw) });
    const after = new CsvRecords(0x2c, 1_000);
    for (const line of text.split("\n")) after.add({ number: 1, bytes: Buffer.from(line), ended: true });
    after.end();
    expect(after.add({ number: 9, bytes: Buffer.from("1,2"), ended: true })).toMatchObject({ line: 9 });
  });

  test("a quoted field of doubled quotes takes no more than its bytes", () => {
    const [, record] = recordsOf(`a\n"${'""'.repeat(100_000)}"\n`, 300_000);
    expect(record!.fields![0]).toHaveLength(100_000);
    expect(record!.fields![0]!.buffer.byteLength).toBeLessThan(300_000);
  });

  test("a quote that is never closed is told with the line that opened it", () => {
    const records = recordsOf('a,b\n1,"x\n2,3\n');
    expect(records.at(-1)).toMatchObject({ line: 2, fields: undefined });
    expect(records.at(-1)?.flaw).toContain("never closed");
  });

  test("a quoted field does not grow beyond the limit", () => {
    const records = recordsOf(`a\n"${"x".repeat(20)}\n${"y".repeat(20)}\nb\n`, 30);
    expect(records.map(({ line, fields }) => [line, fields === undefined])).toEqual([
      [1, false],
      [2, true],
      [4, false],
    ]);
  });

  test("a line that was too long to be read", () => {
    const records = new CsvRecords(0x2c, 10);
    expect(records.add({ number: 1, bytes: undefined, ended: true })).toMatchObject({ line: 1, fields: undefined });
  });
});
