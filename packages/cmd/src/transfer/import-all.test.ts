import { type BytesInput, KvtsError, type Operation, type WriteResult } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { describe, expect, test } from "vitest";
import type { ByteStore } from "../target/use-store.ts";
import { exportText, importSource, importText } from "../testing/files.ts";
import type { ImportItem, KeyOperation } from "./item.ts";

const good = (key: string, timestamp = 1): string => JSON.stringify({ key, timestamp, value: "v" });

async function keysOf(store: { scan(): { toArray(): Promise<{ key: string | Uint8Array }[]> } }): Promise<string[]> {
  return (await store.scan().toArray()).map(({ key }) => (typeof key === "string" ? key : Buffer.from(key).toString()));
}

function keyOf(operation: Operation): BytesInput | undefined {
  return operation.op === "deleteRange" ? undefined : operation.key;
}

describe("bad lines", () => {
  test.each([
    ["nonsense", "is not JSON"],
    ["[1]", "a version must be an object"],
    ['{"key":"k"}', "value is missing"],
    ['{"value":"v"}', "key is missing"],
    ['{"key":"","value":"v"}', "at least one byte"],
    ['{"key":"k","value":"v","timestamp":1.5}', "timestamp"],
    ['{"key":"k","value":"v","timestamp":9007199254740993}', "timestamp"],
    ['{"key":"k","value":"v","timestamp":-1}', "timestamp"],
    ['{"key":"k","value":"v","timestmp":1}', "timestmp"],
    ['{"key":"k","valueBase64":"?"}', "valueBase64 is not base64"],
    ['{"key":"k","value":"\\ud800"}', "lone surrogate"],
    ['{"key":"k","value":"v","timestamp":5,"expiresAt":5}', "expiresAt"],
    [`{"key":"${"k".repeat(65_536)}","value":"v"}`, "at most 65535 bytes"],
  ])("%s is reported, the lines around it are written", async (line, reason) => {
    const store = createModelStore();
    const { versions, badLines, bad } = await importText(store, [good("a"), line, good("b"), ""].join("\n"), "ndjson");
    expect({ versions, badLines }).toEqual({ versions: 2, badLines: 1 });
    expect(bad).toMatchObject([{ line: 2, reason: expect.stringContaining(reason) }]);
    expect(await keysOf(store)).toEqual(["a", "b"]);
  });

  test("a line that is not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from(`${good("a")}\n`), Buffer.of(0x22, 0xff, 0x22, 0x0a)]);
    expect(await importText(createModelStore(), bytes, "ndjson")).toMatchObject({
      versions: 1,
      bad: [{ line: 2, reason: "is not UTF-8" }],
    });
  });

  test("--strict stops at the first one; what stands before it is written", async () => {
    const store = createModelStore();
    const file = [good("a"), "nonsense", good("b")].join("\n");
    expect(await importText(store, file, "ndjson", { strict: true })).toMatchObject({
      versions: 1,
      lastLine: 1,
      stopped: "strict",
    });
    expect(await keysOf(store)).toEqual(["a"]);
  });

  test("empty lines and \\r\\n are nothing to complain about", async () => {
    const file = `\ufeff${good("a")}\r\n\r\n\n${good("b")}`;
    expect(await importText(createModelStore(), file, "ndjson")).toMatchObject({ versions: 2, badLines: 0 });
  });
});

describe("files that were cut short", () => {
  async function exported(): Promise<string> {
    const store = createModelStore();
    await store.write([
      { op: "put", key: "a", value: "1", timestamp: 1 },
      { op: "put", key: "b", value: "2", timestamp: 1 },
    ]);
    return exportText(store, "ndjson");
  }

  test("every cut of an export is reported, and what is whole is written", async () => {
    const file = await exported();
    const [first = "", second = ""] = file.split("\n");
    for (let length = 1; length < file.length - 1; length++) {
      const store = createModelStore();
      const { bad, versions } = await importText(store, file.slice(0, length), "ndjson");
      expect(bad, file.slice(0, length)).toHaveLength(1);
      expect(versions).toBe(length < first.length ? 0 : length < first.length + 1 + second.length ? 1 : 2);
    }
  });

  test("the last newline may be missing", async () => {
    expect(await importText(createModelStore(), (await exported()).trimEnd(), "ndjson")).toMatchObject({ bad: [] });
  });

  test("an export without its end line is accepted as a part when that is said", async () => {
    const part = (await exported()).split("\n").slice(0, 1).join("\n");
    expect(await importText(createModelStore(), part, "ndjson", { partial: true })).toMatchObject({
      bad: [],
      versions: 1,
    });
  });

  test("a file of others needs no end line", async () => {
    expect(await importText(createModelStore(), `${good("a")}\n`, "ndjson")).toMatchObject({ bad: [], versions: 1 });
  });

  test("lines lost in the middle are found by the count", async () => {
    const lines = (await exported()).split("\n");
    const { bad } = await importText(createModelStore(), lines.toSpliced(0, 1).join("\n"), "ndjson");
    expect(bad).toMatchObject([
      { line: 2, code: "TRUNCATED", reason: expect.stringContaining("counts 2 versions, but there are 1") },
    ]);
  });

  test("an export that says that it failed", async () => {
    const file = `${(await exported()).split("\n")[0]}\n{"error":{"code":"NO_SPACE","message":"the disk is full"}}\n`;
    const { bad } = await importText(createModelStore(), file, "ndjson");
    expect(bad).toMatchObject([{ line: 2, reason: "the export failed here: the disk is full" }]);
  });

  test("exports one after the other are one file", async () => {
    const file = await exported();
    expect(await importText(createModelStore(), file + file, "ndjson")).toMatchObject({ bad: [], versions: 4 });
  });
});

describe("batches", () => {
  /** A store that keeps each write's operations, and fails as told. */
  function recordingStore(failure: (operations: readonly Operation[]) => Error | undefined = () => undefined): {
    store: ByteStore;
    inner: ByteStore;
    writes: (readonly Operation[])[];
  } {
    const inner = createModelStore().with({ keys: "bytes" });
    const writes: (readonly Operation[])[] = [];
    const write = async (operations: readonly Operation[]): Promise<WriteResult> => {
      const error = failure(operations);
      if (error !== undefined) throw error;
      writes.push(operations);
      return inner.write(operations);
    };
    return { store: Object.assign(Object.create(inner) as ByteStore, { write }), inner, writes };
  }

  async function* versions(
    count: number,
    make: (at: number) => KeyOperation,
    bytes = 10,
  ): AsyncGenerator<ImportItem[]> {
    for (let at = 0; at < count; at++) yield [{ line: at + 1, operation: make(at), bytes }];
  }
  const timed = (at: number): KeyOperation => ({ op: "put", key: `k${at}`, value: "v", timestamp: at });

  test("have at most 1,000 operations and 4 MiB, in the order of the file", async () => {
    const byCount = recordingStore();
    await importSource(byCount.store, versions(2_500, timed));
    expect(byCount.writes.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(byCount.writes.flat().map(keyOf)).toEqual(Array.from({ length: 2_500 }, (_, at) => `k${at}`));
    const byBytes = recordingStore();
    await importSource(byBytes.store, versions(5, timed, 2 * 1024 * 1024));
    expect(byBytes.writes.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  test("never hold the same key twice when the store assigns the timestamps", async () => {
    const { store, inner, writes } = recordingStore();
    await importSource(
      store,
      versions(4, (at) => ({ op: "put", key: at === 2 ? "other" : "same", value: `${at}` })),
    );
    expect(writes.map(({ length }) => length)).toEqual([1, 2, 1]);
    expect(await inner.history("same").toArray()).toHaveLength(3);
  });

  test("a version that the store refuses does not keep the others out", async () => {
    const refuse = (operations: readonly Operation[]): Error | undefined =>
      operations.some((operation) => keyOf(operation) === "k1")
        ? new KvtsError("TIMESTAMP_AHEAD", "too far ahead")
        : undefined;
    const { store, inner } = recordingStore(refuse);
    const result = await importSource(store, versions(4, timed));
    expect(result).toMatchObject({ versions: 3, bad: [{ line: 2, code: "TIMESTAMP_AHEAD", reason: "too far ahead" }] });
    expect(await keysOf(inner)).toEqual(["k0", "k2", "k3"]);
    const strict = recordingStore(refuse);
    expect(await importSource(strict.store, versions(4, timed), { strict: true })).toMatchObject({
      versions: 1,
      badLines: 1,
    });
  });

  test("a failure of the store ends the import, and tells where to go on", async () => {
    const { store } = recordingStore((operations) =>
      operations.length < 1_000 ? new KvtsError("NO_SPACE", "the disk is full; make room") : undefined,
    );
    await expect(importSource(store, versions(1_500, timed))).rejects.toThrow(
      "the disk is full; make room (1,000 versions written, up to line 1000; go on with --from-line 1001)",
    );
  });

  test("a busy store is asked again, when each version has its timestamp", async () => {
    let failures = 2;
    const busy = (): Error | undefined => (failures-- > 0 ? new KvtsError("UNAVAILABLE", "busy") : undefined);
    expect(await importSource(recordingStore(busy).store, versions(3, timed))).toMatchObject({ versions: 3 });
    failures = 1;
    const untimed = versions(1, () => ({ op: "put", key: "k", value: "v" }));
    await expect(importSource(recordingStore(busy).store, untimed)).rejects.toThrow("busy");
  });

  test("--from-line skips what stands before", async () => {
    const { store, writes } = recordingStore();
    expect(await importSource(store, versions(10, timed), { fromLine: 8 })).toMatchObject({
      versions: 3,
      lastLine: 10,
    });
    expect(writes.flat().map(keyOf)).toEqual(["k7", "k8", "k9"]);
  });

  test("Ctrl-C stops the reading; what was read is written", async () => {
    const interrupt = new AbortController();
    const { store } = recordingStore();
    const source = versions(10_000, (at) => {
      if (at === 1_234) interrupt.abort();
      return timed(at);
    });
    expect(await importSource(store, source, { signal: interrupt.signal })).toMatchObject({
      versions: 1_234,
      lastLine: 1_234,
      stopped: "interrupt",
    });
  });
});
