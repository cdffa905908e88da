import { type DiffOptions, KvtsError, type Operation, type Range, type Store, textOf, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { checkOptions } from "./options.ts";
import { createRemoteStore } from "./remote-store.ts";
import { scriptedWire, unavailable } from "./testing/scripted-wire.ts";
import { virtualRuntime } from "./testing/virtual-runtime.ts";
import {
  type ScanRequest,
  type Wire,
  WireFailure,
  type WireOperation,
  type WirePage,
  type WireVersion,
} from "./wire.ts";

function storeOver(script: Partial<Wire>, runtime = virtualRuntime()): Store {
  return createRemoteStore(scriptedWire(script), checkOptions({}), runtime);
}

const version: WireVersion = { key: utf8("k"), value: utf8("v"), timestamp: 1, seq: 2, expiresAt: undefined };
const lone = "\ud800";

describe("bad arguments", () => {
  const promises: [string, (store: Store) => Promise<unknown>][] = [
    ["an empty key in put", (store) => store.put("", "v")],
    ["a lone surrogate in get", (store) => store.get(lone)],
    ["a value of another type", (store) => store.put("k", 5 as unknown as string)],
    ["an expiry before the timestamp", (store) => store.put("k", "v", { timestamp: 5, expiresAt: 5 })],
    ["a timestamp that is no time", (store) => store.delete("k", { timestamp: "yesterday" })],
    ["a retract of no time", (store) => store.retract("k", undefined as unknown as number)],
    ["a retract of an empty key", (store) => store.retract("", 5)],
    ["an empty batch", (store) => store.write([])],
    ["an operation that there is not", (store) => store.write([{ op: "merge", key: "k" } as unknown as Operation])],
    ["an empty request id", (store) => store.put("k", "v", { requestId: "" })],
    ["a request id of 129 bytes", (store) => store.write([{ op: "delete", key: "k" }], { requestId: "x".repeat(129) })],
    ["an empty key among many", (store) => store.getMany(["k", ""])],
    ["a negative asOf", (store) => store.get("k", { asOf: -1 })],
    ["a timeout of nothing", (store) => store.stats({ timeoutMs: 0 })],
  ];
  test.each(promises)("%s: the promise is rejected, and nothing is sent", async (_, call) => {
    const store = storeOver({});
    const promise = call(store);
    await expect(promise).rejects.toMatchObject({ name: "KvtsError", code: "INVALID_ARGUMENT" });
  });

  const lists: [string, (store: Store) => AsyncIterable<unknown>][] = [
    ["prefix and start", (store) => store.scan({ prefix: "a", start: "b" } as unknown as Range)],
    ["a limit of nothing", (store) => store.scan({}, { limit: 0 })],
    ["an unknown field of a range", (store) => store.scan({ prefx: "a" } as unknown as Range)],
    ["an empty key", (store) => store.history("")],
    ["a time that is none", (store) => store.history("k", { from: "soon" })],
    ["a timeout of nothing", (store) => store.scan({}, { timeoutMs: 0 })],
    ["a diff without moments", (store) => store.diff({}, undefined as unknown as DiffOptions)],
    ["a diff to an earlier moment", (store) => store.diff({}, { from: 5, to: 4 })],
  ];
  test.each(lists)("in a list, %s: its first read is rejected", async (_, call) => {
    const entries = call(storeOver({}));
    await expect(entries[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

test("times are sent as microseconds, relative ones counted from this side's clock", async () => {
  const seen: unknown[] = [];
  const store = storeOver(
    {
      async put({ operation: { timestamp, expiresAt } }) {
        seen.push([timestamp, expiresAt]);
        return { timestamp: 1, seq: 1 };
      },
      async get({ asOf }) {
        seen.push(asOf);
        return undefined;
      },
    },
    virtualRuntime(0, 7_000_000),
  );
  await store.put("k", "v", { timestamp: "now", expiresAt: "+1s" });
  await store.put("k", "v");
  await store.get("k", { asOf: "-2s" });
  await store.get("k", { asOf: new Date(3) });
  expect(seen).toEqual([[7_000_000, 8_000_000], [undefined, undefined], 5_000_000, 3000]);
});

describe("a restore", () => {
  const counts = { to: 5, restored: 1, deleted: 0, bytes: 2 };

  test("is sent once, with minutes to be done in where the caller says nothing", async () => {
    const timeouts: number[] = [];
    const store = storeOver({
      restore: async (_request, { timeoutMs }) => {
        timeouts.push(timeoutMs);
        throw unavailable("unknown");
      },
    });
    const told = { code: "UNAVAILABLE", details: { indeterminate: true } };
    await expect(store.restore({ prefix: "a" }, 5)).rejects.toMatchObject(told);
    await expect(store.restore({ prefix: "a" }, 5, { timeoutMs: 700 })).rejects.toMatchObject(told);
    expect(timeouts).toEqual([300_000, 700]);
  });

  test("that is dry is sent again, and its sample has keys in the form of the store", async () => {
    let tries = 0;
    const store = storeOver({
      restore: async ({ dryRun, to, range }) => {
        expect([dryRun, to, range]).toEqual([true, 5, { start: utf8("a"), end: utf8("b") }]);
        if (++tries === 1) throw unavailable();
        return { ...counts, sample: [{ key: version.key, before: undefined, after: version }] };
      },
    });
    const { sample, ...rest } = await store.restore({ prefix: "a" }, 5, { dryRun: true });
    expect(rest).toEqual(counts);
    expect(sample).toMatchObject([{ key: "k", kind: "added", after: { key: "k", seq: 2 } }]);
  });

  test("that was done has no sample", async () => {
    const restored = { ...counts, timestamp: 7, seq: 3 };
    const store = storeOver({ restore: async () => ({ ...restored, sample: [] }) });
    expect(await store.restore({}, 5)).toEqual(restored);
  });
});

describe("an erasure", () => {
  const result = { seq: 3, removed: 2, tablesRewritten: 1, bytesRewritten: 9, setAside: [], checkpoints: ["monday"] };
  const begun = { id: "op", state: "running", hiddenSeq: 3 } as const;
  const progress = { phase: "tables", bytesTotal: 9, bytesDone: 4 } as const;

  test("is begun once, and looked at until it is done, ever more seldom", async () => {
    const runtime = virtualRuntime();
    const answers: WireOperation[] = [begun, { ...begun, progress }, { ...begun, progress }];
    const ids: string[] = [];
    const store = storeOver(
      {
        erase: async ({ range, key }) => {
          expect([range, key]).toEqual([{ start: utf8("k"), end: utf8("k\0") }, utf8("k")]);
          return begun;
        },
        getOperation: async (id) => {
          ids.push(id);
          return answers.shift() ?? { ...begun, state: "succeeded", result };
        },
      },
      runtime,
    );
    const told: unknown[] = [];
    const options = { onHidden: (seq: number) => told.push(seq), onProgress: (each: unknown) => told.push(each) };
    expect(await store.erase({ key: "k" }, options)).toEqual(result);
    expect(told).toEqual([3, progress]);
    expect(ids).toEqual(["op", "op", "op", "op"]);
    expect(runtime.sleeps).toEqual([10, 20, 40, 80]);
  });

  test("whose beginning is in doubt is not sent again", async () => {
    let tries = 0;
    const store = storeOver({
      erase: async () => {
        tries++;
        throw unavailable("unknown");
      },
    });
    const told = { code: "UNAVAILABLE", details: { indeterminate: true } };
    await expect(store.erase({ prefix: "a" })).rejects.toMatchObject(told);
    expect(tries).toBe(1);
  });

  test("that fails says why; what hides its end from the client names it, since it goes on", async () => {
    const failing = (getOperation: Wire["getOperation"]) => storeOver({ erase: async () => begun, getOperation });
    const error = { code: "CORRUPTION", message: "a table is damaged", details: { file: "1.sst" } } as const;
    const failed = failing(async () => ({ ...begun, state: "failed", error }));
    await expect(failed.erase({})).rejects.toMatchObject(error);
    const lost = failing(async () => {
      throw unavailable();
    });
    await expect(lost.erase({})).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("goes on"),
      details: { operation: "op" },
    });
  });

  test("has the time that the caller gives it, and otherwise as long as it takes", async () => {
    const runtime = virtualRuntime();
    const store = storeOver({ erase: async () => begun, getOperation: async () => begun }, runtime);
    await expect(store.erase({}, { timeoutMs: 5_000 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(runtime.nowMs()).toBe(5_000);
    const leaving = new AbortController();
    let looks = 0;
    const patient = storeOver(
      {
        erase: async () => begun,
        getOperation: async () => {
          if (++looks === 1_000) leaving.abort();
          return begun;
        },
      },
      runtime,
    );
    await expect(patient.erase({}, { signal: leaving.signal })).rejects.toMatchObject({ code: "CANCELLED" });
    expect(runtime.nowMs()).toBeGreaterThan(900_000);
  });

  test("that is dry is sent again", async () => {
    let tries = 0;
    const store = storeOver({
      countErased: async () => {
        if (++tries === 1) throw unavailable();
        return result;
      },
    });
    expect(await store.erase({}, { dryRun: true })).toEqual(result);
  });
});

describe("key forms", () => {
  const script: Partial<Wire> = {
    get: async ({ key }) => ({ ...version, key }),
    batchGet: async ({ keys }) => ({ items: keys.map((key) => ({ ...version, key })), nextPageToken: "", seq: 2 }),
    scan: async () => ({ items: [version], nextPageToken: "", seq: 2 }),
    listVersions: async () => ({ items: [{ ...version, value: undefined }], nextPageToken: "", seq: 2 }),
  };

  test("strings by default, bytes in a view", async () => {
    const store = storeOver(script);
    const bytes = store.with({ keys: "bytes" });
    expect([(await store.get("k"))?.key, (await bytes.get("k"))?.key]).toEqual(["k", utf8("k")]);
    expect((await bytes.getMany(["k"]))[0]?.key).toEqual(utf8("k"));
    expect((await bytes.scan().toArray())[0]?.key).toEqual(utf8("k"));
    expect(await bytes.history("k").toArray()).toEqual([{ key: utf8("k"), timestamp: 1, seq: 2, deleted: true }]);
    expect((await bytes.with({ keys: "string" }).get("k"))?.key).toBe("k");
    expect(() => store.with({ keys: "hex" as "bytes" })).toThrow("keys must be");
  });

  test("a key that is no UTF-8 cannot be given as a string", async () => {
    const key = Uint8Array.of(255);
    const store = storeOver({
      ...script,
      scan: async () => ({ items: [{ ...version, key }], nextPageToken: "", seq: 2 }),
    });
    await expect(store.get(key)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(store.scan().toArray()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await store.with({ keys: "bytes" }).get(key))?.key).toEqual(key);
  });
});

test("many keys are read under one deadline, however many requests they take", async () => {
  const runtime = virtualRuntime();
  const timeouts: number[] = [];
  const batchGet: Wire["batchGet"] = async ({ keys }, { timeoutMs }) => {
    timeouts.push(timeoutMs);
    runtime.advance(400);
    return { items: keys.map(() => undefined), nextPageToken: "", seq: 2 };
  };
  const reading = storeOver({ batchGet }, runtime).getMany(Array(5000).fill("k"), { timeoutMs: 1000 });
  await expect(reading).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(timeouts).toEqual([1000, 600, 200]);
});

describe("lists", () => {
  /** Answers pages of `items` versions, of which the second try of each succeeds. */
  function flaky(items: number, failure: () => unknown) {
    const asked: ScanRequest[] = [];
    const scan = async (request: ScanRequest): Promise<WirePage<WireVersion>> => {
      asked.push(request);
      if (asked.length % 2 === 1) throw failure();
      return { items: Array.from({ length: items }, () => version), nextPageToken: `t${asked.length}`, seq: 2 };
    };
    return { asked, scan };
  }

  test("a page that met an unavailable server is asked for again, by the same token", async () => {
    const { asked, scan } = flaky(4, () => unavailable());
    expect(await storeOver({ scan }).scan({}, { limit: 8 }).nextv(8)).toHaveLength(8);
    expect(asked.map(({ pageToken, pageSize }) => [pageToken, pageSize])).toEqual([
      ["", 8],
      ["", 8],
      ["t2", 4],
      ["t2", 4],
    ]);
  });

  test("an expired cursor is told, and ends the list", async () => {
    let pages = 0;
    const store = storeOver({
      async scan() {
        if (++pages === 2) throw new WireFailure(new KvtsError("CURSOR_EXPIRED", "the cursor is gone"), "answered");
        return { items: [version], nextPageToken: "t", seq: 2 };
      },
    });
    const entries = store.scan();
    expect(await entries.nextv(1)).toHaveLength(1);
    await expect(entries.nextv(1)).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
    await expect(entries.nextv(1)).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
    expect(pages).toBe(2);
  });

  test("each page has the client's deadline, the whole list its own", async () => {
    const timeouts: number[] = [];
    const store = storeOver({
      async scan({ pageToken }, { timeoutMs, signal }) {
        timeouts.push(timeoutMs);
        if (signal !== undefined && pageToken !== "") {
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(unavailable())));
        }
        return { items: [version], nextPageToken: timeouts.length < 3 ? `t${timeouts.length}` : "", seq: 2 };
      },
    });
    expect(await store.scan().toArray()).toHaveLength(3);
    expect(timeouts).toEqual([30_000, 30_000, 30_000]);
    timeouts.length = 0;
    const limited = store.scan({}, { timeoutMs: 30 });
    expect(await limited.nextv(1)).toHaveLength(1);
    await expect(limited.nextv(1)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  test("the arguments are those of the call, whatever becomes of their bytes", async () => {
    const seen: string[] = [];
    const store = storeOver({
      async listVersions({ key, pageToken }) {
        seen.push(Buffer.from(key).toString());
        return { items: [version], nextPageToken: pageToken === "" ? "t" : "", seq: 2 };
      },
      async scan({ range, pageToken }) {
        seen.push(Buffer.from(range.start).toString());
        return { items: [version], nextPageToken: pageToken === "" ? "t" : "", seq: 2 };
      },
    });
    const bytes = Buffer.from("key");
    const lists = [store.history(bytes), store.scan({ prefix: bytes })];
    for (const list of lists) {
      await list.nextv(1);
      bytes.fill(0x2a);
      await list.nextv(1);
    }
    expect(seen).toEqual(["key", "key", "key", "key"]);
  });

  test("a tombstone where no list has one is refused", async () => {
    const get = async () => ({ ...version, value: undefined });
    await expect(storeOver({ get }).get("k")).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

test("a view's close does nothing, the store's closes all views", async () => {
  let closes = 0;
  const store = storeOver({
    get: async () => undefined,
    close() {
      closes++;
    },
  });
  const view = store.with({ keys: "bytes" });
  await view.close();
  expect(await store.get("k")).toBeUndefined();
  expect(closes).toBe(0);
  const entries = view.scan();
  await Promise.all([store.close(), store.close()]);
  await store[Symbol.asyncDispose]();
  expect(closes).toBe(1);
  await expect(view.get("k")).rejects.toMatchObject({ code: "CLOSED" });
  await expect(entries.toArray()).rejects.toMatchObject({ code: "CLOSED" });
});

test("no keys need no server", async () => {
  expect(await storeOver({}).getMany([])).toEqual([]);
});

test("bytes belong to the caller as soon as the call has returned, also while a write is sent again", async () => {
  const sent: string[] = [];
  const store = storeOver({
    put: async ({ operation }) => {
      sent.push(textOf(operation.key)! + textOf(operation.value!)!);
      if (sent.length === 1) throw unavailable();
      return { timestamp: 1, seq: 1 };
    },
  });
  const [key, value] = [utf8("key"), utf8("value")];
  const written = store.put(key, value);
  key.fill(0x2a);
  value.fill(0x2a);
  await written;
  expect(sent).toEqual(["keyvalue", "keyvalue"]);
});
