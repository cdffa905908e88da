import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { AdminService, ChangeKind, ErrorInfoSchema, KvService, RetryInfoSchema } from "@kvts/api";
import { limits, utf8 } from "@kvts/common";
import { beforeEach, describe, expect, test } from "vitest";
import { type Served, served } from "../testing/harness.ts";
import { grpcWay, ways } from "../testing/transports.ts";

type Kv = Client<typeof KvService>;

const key = utf8("k");

/** The error of a failing call, and its ErrorInfo. */
async function failureOf(
  call: Promise<unknown>,
): Promise<{ code: Code; message: string; reason: string | undefined; metadata: object }> {
  const error = await call.then(
    () => expect.unreachable("the call should fail"),
    (reason: unknown) => ConnectError.from(reason),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info !== undefined) expect(info.domain).toBe("kvts");
  return { code: error.code, message: error.rawMessage, reason: info?.reason, metadata: info?.metadata ?? {} };
}

describe.each(ways)("$name", ({ open }) => {
  let kv: Kv;
  let it: Served;
  let store: Served["store"];

  beforeEach(async () => {
    it = await served({ maxRequestBytes: 20_000 });
    store = it.store;
    kv = createClient(KvService, open(it.server));
  });

  test("puts and gets, newest and as of a moment", async () => {
    const first = await kv.put({ key, value: utf8("value1"), timestamp: 100n });
    const second = await kv.put({ key, value: utf8("value2"), timestamp: 101n });
    expect(first).toMatchObject({ timestamp: 100n, seq: 1n });
    expect(second).toMatchObject({ timestamp: 101n, seq: 2n });
    const valueAt = async (asOf: bigint) => (await kv.get({ key, asOf })).version?.value;
    expect(await valueAt(99n)).toBeUndefined();
    expect(await valueAt(100n)).toEqual(utf8("value1"));
    expect(await valueAt(101n)).toEqual(utf8("value2"));
    expect((await kv.get({ key })).version).toMatchObject({ key, timestamp: 101n, seq: 2n, deleted: false });
  });

  test("timestamp 0, an empty value and a binary key are what they are", async () => {
    const binary = new Uint8Array([0, 255, 47, 46, 46]);
    await kv.put({ key: binary, value: new Uint8Array(), timestamp: 0n });
    const { version } = await kv.get({ key: binary, asOf: 0n });
    expect(version).toMatchObject({ key: binary, timestamp: 0n });
    expect(version?.value).toEqual(new Uint8Array());
  });

  test("every read takes a snapshot, until it is released", async () => {
    const admin = createClient(AdminService, open(it.server));
    await kv.put({ key, value: utf8("1"), timestamp: 100n });
    const { snapshot, seq, leaseMs } = await admin.createSnapshot({});
    expect([seq, leaseMs]).toEqual([1n, 60_000n]);
    await kv.put({ key, value: utf8("2"), timestamp: 100n });
    await kv.put({ key: utf8("k2"), value: utf8("3"), timestamp: 100n });
    const old = { key, value: utf8("1"), seq: 1n };
    expect((await kv.get({ key, snapshot })).version).toMatchObject(old);
    expect((await kv.batchGet({ keys: [key, utf8("k2")], snapshot })).items).toMatchObject([{ version: old }, {}]);
    expect((await kv.scan({ snapshot })).versions).toMatchObject([old]);
    expect((await kv.listVersions({ key, snapshot })).versions).toMatchObject([old]);
    expect((await kv.aggregateVersions({ key, step: 1n, snapshot })).buckets).toMatchObject([{ count: 1n, last: 1 }]);
    expect((await kv.diff({ from: 0n, to: 200n, snapshot })).changes).toMatchObject([{ after: old }]);
    expect(await failureOf(kv.get({ key, snapshot, atSeq: 1n }))).toMatchObject({ code: Code.InvalidArgument });
    expect(await admin.renewSnapshot({ snapshot })).toMatchObject({ snapshot, seq: 1n, leaseMs: 60_000n });
    const earlier = await admin.createSnapshot({ atSeq: 1n });
    expect([earlier.seq, earlier.snapshot === snapshot]).toEqual([1n, false]);
    await admin.releaseSnapshot({ snapshot });
    await admin.releaseSnapshot({ snapshot });
    const ended = { code: Code.OutOfRange, reason: "SNAPSHOT_EXPIRED" };
    expect(await failureOf(kv.get({ key, snapshot }))).toMatchObject(ended);
    expect(await failureOf(kv.scan({ snapshot }))).toMatchObject(ended);
    expect(await failureOf(admin.renewSnapshot({ snapshot }))).toMatchObject(ended);
    for (const wrong of ["nonsense", ""]) {
      expect(await failureOf(admin.renewSnapshot({ snapshot: wrong }))).toMatchObject({ code: Code.InvalidArgument });
    }
  });

  test("the numbers of a key by steps", async () => {
    await kv.put({ key, value: utf8("1.5"), timestamp: 100n });
    await kv.put({ key, value: utf8("no"), timestamp: 101n });
    await kv.put({ key, value: utf8("5"), timestamp: 200n });
    const asked = { key, step: 100n, pageSize: 1 };
    const first = await kv.aggregateVersions(asked);
    const figures = { first: 1.5, last: 1.5, min: 1.5, max: 1.5, mean: 1.5 };
    expect(first.buckets).toMatchObject([{ timestamp: 100n, count: 1n, skipped: 1n, ...figures }]);
    const second = await kv.aggregateVersions({ ...asked, pageToken: first.nextPageToken });
    expect([second.buckets.length, second.buckets[0]?.timestamp, second.nextPageToken]).toEqual([1, 200n, ""]);
    for (const step of [0n, -1n, 2n ** 53n]) {
      expect(await failureOf(kv.aggregateVersions({ key, step }))).toMatchObject({ code: Code.InvalidArgument });
    }
  });

  test("an absent key is no error", async () => {
    expect((await kv.get({ key: utf8("absent") })).version).toBeUndefined();
  });

  test("deletes, and lists the tombstone", async () => {
    await kv.put({ key, value: utf8("v"), timestamp: 1n, expiresAt: 50n });
    await kv.delete({ key, timestamp: 2n });
    expect((await kv.get({ key })).version).toBeUndefined();
    const { versions } = await kv.listVersions({ key });
    expect(versions).toMatchObject([
      { timestamp: 2n, deleted: true },
      { timestamp: 1n, deleted: false, expiresAt: 50n },
    ]);
    expect(versions[0]?.value).toBeUndefined();
    expect((await kv.listVersions({ key, reverse: true, from: 2n })).versions).toMatchObject([{ timestamp: 2n }]);
  });

  test("writes batches, and reads many keys in the order asked", async () => {
    const [a, b, c] = ["a", "b", "c"].map(utf8) as [Uint8Array, Uint8Array, Uint8Array];
    const { seq } = await kv.write({
      operations: [
        { kind: { case: "put", value: { key: a, value: utf8("1"), timestamp: 5n } } },
        { kind: { case: "put", value: { key: b, value: utf8("2"), timestamp: 5n } } },
        { kind: { case: "delete", value: { key: a, timestamp: 6n } } },
      ],
    });
    expect(seq).toBe(3n);
    const { items, nextPageToken, seq: readAt } = await kv.batchGet({ keys: [c, b, a, b] });
    expect(items.map(({ version }) => version?.value)).toEqual([undefined, utf8("2"), undefined, utf8("2")]);
    expect({ nextPageToken, readAt }).toEqual({ nextPageToken: "", readAt: 3n });
    expect((await kv.batchGet({ keys: [a], asOf: 5n })).items[0]?.version?.value).toEqual(utf8("1"));
    expect((await kv.batchGet({ keys: [b], atSeq: 1n })).items[0]?.version).toBeUndefined();
  });

  test("a batch takes versions back", async () => {
    await store.put("k", "1", { timestamp: 0 });
    const operations = [
      { kind: { case: "put", value: { key, value: utf8("2"), timestamp: 9n } } },
      { kind: { case: "retract", value: { key, timestamp: 0n } } },
    ] as const;
    expect(await kv.write({ operations: [...operations] })).toMatchObject({ timestamp: 0n, seq: 3n });
    expect(await store.history("k").toArray()).toMatchObject([{ timestamp: 9 }]);
  });

  test("scans in pages that are all read at one seq", async () => {
    for (const name of ["a", "b", "c", "d"]) await kv.put({ key: utf8(name), value: utf8(name) });
    const first = await kv.scan({ pageSize: 2 });
    expect(first.versions.map((version) => version.key)).toEqual([utf8("a"), utf8("b")]);
    await kv.put({ key: utf8("bb"), value: utf8("late") });
    const second = await kv.scan({ pageSize: 2, pageToken: first.nextPageToken });
    expect(second.versions.map((version) => version.key)).toEqual([utf8("c"), utf8("d")]);
    expect(second).toMatchObject({ nextPageToken: "", seq: first.seq });
    const reversed = await kv.scan({ range: { start: utf8("b"), end: utf8("d") }, reverse: true, atSeq: 4n });
    expect(reversed.versions.map((version) => version.key)).toEqual([utf8("c"), utf8("b")]);
  });

  test("tells what became of keys, in pages", async () => {
    const keys = ["a", "b", "c"].map(utf8);
    await store.write([
      { op: "put", key: "a", value: "1", timestamp: 20 },
      { op: "put", key: "b", value: "1", timestamp: 10, expiresAt: 99 },
      { op: "put", key: "b", value: "2", timestamp: 20 },
      { op: "put", key: "c", value: "1", timestamp: 10 },
      { op: "delete", key: "c", timestamp: 20 },
    ]);
    const moments = { from: 10n, to: 20n };
    const first = await kv.diff({ ...moments, pageSize: 2 });
    await store.put("d", "later", { timestamp: 15 });
    const second = await kv.diff({ ...moments, pageToken: first.nextPageToken });
    expect([first.seq, second.seq, second.nextPageToken]).toEqual([5n, 5n, ""]);
    const [added, changed, removed, ...more] = [...first.changes, ...second.changes];
    expect(added).toMatchObject({ key: keys[0], kind: ChangeKind.ADDED, after: { key: keys[0], timestamp: 20n } });
    expect(added?.before).toBeUndefined();
    expect(changed).toMatchObject({
      key: keys[1],
      kind: ChangeKind.CHANGED,
      before: { timestamp: 10n, seq: 2n, expiresAt: 99n },
      after: { timestamp: 20n, seq: 3n, value: utf8("2") },
    });
    expect(removed).toMatchObject({ key: keys[2], kind: ChangeKind.REMOVED, before: { value: utf8("1") } });
    expect(removed?.after).toBeUndefined();
    expect(more).toEqual([]);
    const within = await kv.diff({ ...moments, range: { start: keys[1]!, end: keys[2]! }, atSeq: 2n });
    expect(within).toMatchObject({ changes: [], seq: 2n });
    const foreign = kv.diff({ ...moments, range: { prefix: keys[0]! }, pageToken: first.nextPageToken });
    expect(await failureOf(foreign)).toMatchObject({
      code: Code.InvalidArgument,
      metadata: { field: "page_token" },
    });
  });

  test("a page of changes stays below its bytes, both sides counted", async () => {
    for (const key of ["a", "b", "c"]) {
      for (const timestamp of [10, 20]) await store.put(key, new Uint8Array(600_000), { timestamp });
    }
    const { changes, nextPageToken } = await kv.diff({ from: 10n, to: 20n });
    expect(changes.map((change) => change.after?.value?.length)).toEqual([600_000, 600_000]);
    expect(nextPageToken).not.toBe("");
  });

  test("lists deleted keys when asked to", async () => {
    await kv.put({ key: utf8("gone"), value: utf8("v"), timestamp: 1n });
    await kv.delete({ key: utf8("gone"), timestamp: 2n });
    expect((await kv.scan({})).versions).toEqual([]);
    expect((await kv.scan({ includeDeleted: true })).versions).toMatchObject([{ deleted: true, timestamp: 2n }]);
  });

  const tooBig = 2n ** 53n;
  test.each<[string, (kv: Kv) => Promise<unknown>, Partial<Awaited<ReturnType<typeof failureOf>>>]>([
    [
      "an empty key",
      (c) => c.put({ key: new Uint8Array(), value: key }),
      { code: Code.InvalidArgument, reason: "INVALID_ARGUMENT" },
    ],
    [
      "no value",
      (c) => c.put({ key }),
      { code: Code.InvalidArgument, reason: "INVALID_ARGUMENT", metadata: { field: "value" } },
    ],
    [
      "a timestamp of 2^53",
      (c) => c.put({ key, value: key, timestamp: tooBig }),
      { code: Code.InvalidArgument, metadata: { field: "timestamp" } },
    ],
    [
      "a negative timestamp",
      (c) => c.delete({ key, timestamp: -1n }),
      { code: Code.InvalidArgument, metadata: { field: "timestamp" } },
    ],
    [
      "a negative as_of",
      (c) => c.get({ key, asOf: -1n }),
      { code: Code.InvalidArgument, metadata: { field: "as_of" } },
    ],
    [
      "an at_seq of 2^53",
      (c) => c.get({ key, atSeq: tooBig }),
      { code: Code.InvalidArgument, metadata: { field: "at_seq" } },
    ],
    ["an at_seq to come", (c) => c.get({ key, atSeq: 99n }), { code: Code.InvalidArgument }],
    [
      "an expiry at the timestamp",
      (c) => c.put({ key, value: key, timestamp: 5n, expiresAt: 5n }),
      { code: Code.InvalidArgument },
    ],
    [
      "a timestamp far ahead",
      (c) => c.put({ key, value: key, timestamp: tooBig - 1n }),
      { code: Code.OutOfRange, reason: "TIMESTAMP_AHEAD" },
    ],
    [
      "a batch far ahead",
      (c) => c.write({ operations: [{ kind: { case: "delete", value: { key, timestamp: tooBig - 1n } } }] }),
      { code: Code.OutOfRange, reason: "TIMESTAMP_AHEAD" },
    ],
    ["an empty batch", (c) => c.write({}), { code: Code.InvalidArgument, reason: "INVALID_ARGUMENT" }],
    [
      "an operation of no kind",
      (c) => c.write({ operations: [{}] }),
      { code: Code.InvalidArgument, metadata: { operation: "0" } },
    ],
    [
      "a retract of no timestamp",
      (c) => c.write({ operations: [{ kind: { case: "retract", value: { key } } }] }),
      { code: Code.InvalidArgument, metadata: { operation: "0", field: "timestamp" } },
    ],
    ["both forms of a range", (c) => c.scan({ range: { prefix: key, end: key } }), { code: Code.InvalidArgument }],
    [
      "a diff without moments",
      (c) => c.diff({ from: 5n }),
      { code: Code.InvalidArgument, message: expect.stringContaining("from and to") },
    ],
    ["a diff from a later moment", (c) => c.diff({ from: 5n, to: 4n }), { code: Code.InvalidArgument }],
    [
      "a negative page size",
      (c) => c.scan({ pageSize: -1 }),
      { code: Code.InvalidArgument, metadata: { field: "page_size" } },
    ],
    [
      "a page token made up",
      (c) => c.scan({ pageToken: "abc" }),
      { code: Code.InvalidArgument, metadata: { field: "page_token" } },
    ],
    [
      "a long request id",
      (c) => c.put({ key, value: key, requestId: "x".repeat(129) }),
      { code: Code.InvalidArgument },
    ],
    [
      "a condition of no kind",
      (c) => c.put({ key, value: key, condition: {} }),
      { code: Code.InvalidArgument, reason: "INVALID_ARGUMENT" },
    ],
    [
      "a condition that is false",
      (c) => c.delete({ key, condition: { kind: { case: "ifAbsent", value: false } } }),
      { code: Code.InvalidArgument, metadata: { field: "if_absent" } },
    ],
    [
      "a precondition of no kind",
      (c) =>
        c.write({
          operations: [{ kind: { case: "delete", value: { key } } }],
          preconditions: [{ key, condition: { kind: { case: "ifAbsent", value: true } } }, { key }],
        }),
      { code: Code.InvalidArgument, metadata: { precondition: "1" } },
    ],
    [
      "a condition that does not hold",
      (c) => c.put({ key, value: key, condition: { kind: { case: "ifSeq", value: 3n } } }),
      { code: Code.Aborted, reason: "CONFLICT", metadata: { condition: "ifSeq" } },
    ],
    [
      "a message too large",
      (c) => c.put({ key, value: new Uint8Array(20_001) }),
      { code: Code.ResourceExhausted, reason: "TOO_LARGE", metadata: { limit: "20000" } },
    ],
  ])("refuses %s", async (_what, call, expected) => {
    expect(await failureOf(call(kv))).toMatchObject(expected);
    expect((await store.stats()).seq).toBe(0);
  });
});

describe("the store's own limits", () => {
  test("a key or value above the store's limit is INVALID_ARGUMENT, unlike a message above the transport's", async () => {
    const { server } = await served({ maxRequestBytes: limits.valueBytesMax + 100_000 });
    const kv = createClient(KvService, grpcWay.open(server));
    const longKey = new Uint8Array(limits.keyBytesMax + 1);
    expect(await failureOf(kv.get({ key: longKey }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "TOO_LARGE",
    });
    const largeValue = new Uint8Array(limits.valueBytesMax + 1);
    expect(await failureOf(kv.put({ key, value: largeValue }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "TOO_LARGE",
    });
  }, 60_000);

  test("a value of 64 MiB goes in and out where messages may be that large", async () => {
    const { server } = await served({ maxRequestBytes: limits.valueBytesMax + 1000 });
    const kv = createClient(KvService, grpcWay.open(server));
    const value = new Uint8Array(limits.valueBytesMax).fill(7);
    await kv.put({ key, value });
    const { version } = await kv.get({ key });
    expect(version?.value?.length).toBe(value.length);
    expect(Buffer.compare(version!.value!, value)).toBe(0);
  }, 60_000);
});

test("a write that takes no new work says when to come back", async () => {
  const { server, store } = await served();
  const kv = createClient(KvService, grpcWay.open(server));
  await store.close();
  const error = await kv.put({ key, value: key }).catch((reason: unknown) => ConnectError.from(reason));
  expect(error).toMatchObject({ code: Code.Unavailable });
  expect((error as ConnectError).findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "CLOSED" }]);
  expect((error as ConnectError).findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds: 1n } }]);
});
