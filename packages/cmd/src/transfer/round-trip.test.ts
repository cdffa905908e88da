import { limits, type Operation, type Store } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exportText, importText } from "../testing/files.ts";
import { type FileFormat, fileFormats } from "./file-format.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom('"', ",", "\n", "\r\n", " x ", "\0", "\ufeff", "null", "日本語", '{"end":{}}', "="),
);
const bytes = fc.uint8Array({ maxLength: 12 });
const value = fc.oneof(
  text.map((each) => Buffer.from(each)),
  bytes,
);
const key = fc.oneof(
  value.filter((each) => each.length > 0),
  fc.constantFrom("a", "b", "c").map((each) => Buffer.from(each)),
);
const timestamp = fc.oneof(fc.nat(5), fc.constantFrom(limits.timestampMax - 1, 1_673_524_092_000_001));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant("put" as const), key, value, timestamp }),
  fc.record({ op: fc.constant("put" as const), key, value, timestamp }).map((put) => ({
    ...put,
    expiresAt: put.timestamp + 1,
  })),
  fc.record({ op: fc.constant("delete" as const), key, timestamp }),
  // A tombstone, in the file, of each key that has another version.
  fc.record({ op: fc.constant("deleteRange" as const), start: key, timestamp }),
);

async function storeOf(operations: readonly Operation[]): Promise<Store> {
  const store = createModelStore();
  if (operations.length > 0) await store.write(operations);
  return store;
}

/** Seqs are those of the store that a file was exported from, and are assigned anew by an import. */
function withoutSeqs(file: string, format: FileFormat): string {
  return format === "ndjson"
    ? file.replace(/"seq":\d+/g, '"seq":0')
    : file.replace(/(\d{4}-\d\d-\d\dT[\d:.]+Z),\d+/g, "$1,0");
}

describe.each(fileFormats)("%s", (format) => {
  test("export, import and export again give the same bytes, but for seqs", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
        const first = await exportText(await storeOf(operations), format);
        const copy = createModelStore();
        const { bad } = await importText(copy, first, format);
        expect(bad).toEqual([]);
        expect(withoutSeqs(await exportText(copy, format), format)).toBe(withoutSeqs(first, format));
      }),
    );
  });

  test("deleted keys, expired values and their histories are part of it", async () => {
    const store = await storeOf([
      { op: "put", key: "gone", value: "was here", timestamp: 1 },
      { op: "delete", key: "gone", timestamp: 2 },
      { op: "put", key: "expired", value: "short", timestamp: 1, expiresAt: 2 },
    ]);
    const copy = createModelStore();
    await importText(copy, await exportText(store, format), format);
    expect((await copy.get("gone", { asOf: 1 }))?.text()).toBe("was here");
    expect(await copy.history("gone").toArray()).toMatchObject([{ deleted: true, timestamp: 2 }, { timestamp: 1 }]);
    expect(await copy.history("expired").toArray()).toMatchObject([{ timestamp: 1, expiresAt: 2 }]);
  });
});

test("an NDJSON line is the version object, and the last one counts them", async () => {
  const store = await storeOf([
    { op: "put", key: "k", value: "v", timestamp: 1_000_000, expiresAt: 2_000_000 },
    { op: "put", key: Uint8Array.of(0xff), value: Uint8Array.of(0xfe), timestamp: 1 },
  ]);
  expect((await exportText(store, "ndjson")).split("\n")).toEqual([
    '{"key":"k","timestamp":1000000,"time":"1970-01-01T00:00:01.000000Z","seq":1,"expiresAt":2000000,"value":"v"}',
    '{"keyBase64":"/w==","timestamp":1,"time":"1970-01-01T00:00:00.000001Z","seq":2,"valueBase64":"/g=="}',
    '{"end":{"versions":2}}',
    "",
  ]);
});

test("a CSV file has a header row and the same fields", async () => {
  const store = await storeOf([
    { op: "put", key: "k", value: 'say "hi"', timestamp: 1 },
    { op: "delete", key: "k", timestamp: 2 },
  ]);
  expect((await exportText(store, "csv")).split("\n")).toEqual([
    "key,keyBase64,timestamp,time,seq,expiresAt,deleted,value,valueBase64",
    'k,,1,1970-01-01T00:00:00.000001Z,1,,,"say ""hi""",',
    "k,,2,1970-01-01T00:00:00.000002Z,2,,true,,",
    "",
  ]);
});
