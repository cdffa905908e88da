import { type BytesInput, limits, type Operation, type Range, type Store } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, type Subject, uniqueKey } from "./subject.ts";

/** Some call with a bad argument; `key` is a good one, which holds a value. */
type BadCall = readonly [name: string, code: string, call: (store: Store, key: string) => Promise<unknown>];

const loneSurrogate = "\ud800";
const longKey = new Uint8Array(limits.keyBytesMax + 1).fill(0x61);
const notBytes = { length: 1, 0: 65 } as unknown as BytesInput;

const badKeys: readonly (readonly [name: string, code: string, key: BytesInput])[] = [
  ["an empty key", "INVALID_ARGUMENT", ""],
  ["an empty key of bytes", "INVALID_ARGUMENT", new Uint8Array(0)],
  ["a key with a lone surrogate", "INVALID_ARGUMENT", loneSurrogate],
  ["a key that is a number", "INVALID_ARGUMENT", 7 as unknown as BytesInput],
  ["a key that is undefined", "INVALID_ARGUMENT", undefined as unknown as BytesInput],
  ["a key that is like bytes", "INVALID_ARGUMENT", notBytes],
  ["a key of 65,536 bytes", "TOO_LARGE", longKey],
  ["a key of 65,536 bytes of UTF-8", "TOO_LARGE", "é".repeat(32_768)],
];

const keyCalls: readonly BadCall[] = badKeys.flatMap(([name, code, bad]): BadCall[] => [
  [`put: ${name}`, code, (store) => store.put(bad, "v")],
  [`delete: ${name}`, code, (store) => store.delete(bad)],
  [`get: ${name}`, code, (store) => store.get(bad)],
  [`getMany: ${name}`, code, (store, key) => store.getMany([key, bad])],
  [`history: ${name}`, code, (store) => store.history(bad).toArray()],
  [`write: ${name}`, code, (store, key) => store.write([put(key), put(bad)])],
]);

const valueCalls: readonly BadCall[] = [undefined, null, 7, {}, [65], loneSurrogate].flatMap((bad): BadCall[] => [
  [
    `put: a value that is ${JSON.stringify(bad)}`,
    "INVALID_ARGUMENT",
    (store, key) => store.put(key, bad as BytesInput),
  ],
  [
    `write: a value that is ${JSON.stringify(bad)}`,
    "INVALID_ARGUMENT",
    (store, key) => store.write([{ op: "put", key, value: bad as BytesInput }]),
  ],
]);

const limitCalls: readonly BadCall[] = [0, -1, 1.5, Number.NaN, "5" as unknown as number].flatMap(
  (limit): BadCall[] => [
    [`scan: a limit of ${limit}`, "INVALID_ARGUMENT", (store) => store.scan({}, { limit }).toArray()],
    [`history: a limit of ${limit}`, "INVALID_ARGUMENT", (store, key) => store.history(key, { limit }).toArray()],
    [`nextv: a count of ${limit}`, "INVALID_ARGUMENT", (store, key) => store.scan({ prefix: key }).nextv(limit)],
  ],
);

const badRanges: readonly (readonly [name: string, code: string, range: unknown])[] = [
  ["prefix and start", "INVALID_ARGUMENT", { prefix: "a", start: "a" }],
  ["prefix and end", "INVALID_ARGUMENT", { prefix: "a", end: "b" }],
  ["an unknown field", "INVALID_ARGUMENT", { prefx: "a" }],
  ["a lone surrogate", "INVALID_ARGUMENT", { prefix: loneSurrogate }],
  ["a number", "INVALID_ARGUMENT", { start: 5 }],
  ["a text alone", "INVALID_ARGUMENT", "a"],
  ["a start above the limit", "TOO_LARGE", { start: longKey }],
  ["an end above the limit", "TOO_LARGE", { end: longKey }],
  ["a prefix above the limit", "TOO_LARGE", { prefix: longKey }],
];

const rangeCalls: readonly BadCall[] = badRanges.map(([name, code, range]): BadCall => {
  return [`scan: ${name}`, code, (store) => store.scan(range as Range).toArray()];
});

const writeCalls: readonly BadCall[] = [
  [
    "put: an expiry at its timestamp",
    "INVALID_ARGUMENT",
    (store, key) => store.put(key, "v", { timestamp: 9, expiresAt: 9 }),
  ],
  [
    "put: an expiry before its timestamp",
    "INVALID_ARGUMENT",
    (store, key) => store.put(key, "v", { timestamp: 9, expiresAt: 8 }),
  ],
  [
    "put: an expiry before the assigned timestamp",
    "INVALID_ARGUMENT",
    (store, key) => store.put(key, "v", { expiresAt: "-1m" }),
  ],
  ["put: an empty request id", "INVALID_ARGUMENT", (store, key) => store.put(key, "v", { requestId: "" })],
  [
    "delete: a request id above the limit",
    "INVALID_ARGUMENT",
    (store, key) => store.delete(key, { requestId: "é".repeat(65) }),
  ],
  [
    "write: a request id that is a number",
    "INVALID_ARGUMENT",
    (store, key) => store.write([put(key)], { requestId: 5 as unknown as string }),
  ],
  ["write: no operations", "INVALID_ARGUMENT", (store) => store.write([])],
  ["write: no array", "INVALID_ARGUMENT", (store, key) => store.write(put(key) as unknown as Operation[])],
  ["getMany: no array", "INVALID_ARGUMENT", (store, key) => store.getMany(key as unknown as string[])],
  ["with: another form of keys", "INVALID_ARGUMENT", async (store) => store.with({ keys: "buffer" as "bytes" })],
  ["put: a timeout of 0", "INVALID_ARGUMENT", (store, key) => store.put(key, "v", { timeoutMs: 0 })],
  ["get: a timeout that is no number", "INVALID_ARGUMENT", (store, key) => store.get(key, { timeoutMs: Number.NaN })],
];

const unknownOptions: readonly (readonly [name: string, options: object])[] = [
  ["of another name", { ts: 5, at: 5, ttl: "1h", oldestFirst: true }],
  ["of another spelling", { asof: 5, timestmp: 5, Limit: 5 }],
  ["of every object", { toString: 5 }],
];

const optionCalls: readonly BadCall[] = unknownOptions.flatMap(([name, options]): BadCall[] => [
  [`get: an option ${name}`, "INVALID_ARGUMENT", (store, key) => store.get(key, options)],
  [`getMany: an option ${name}`, "INVALID_ARGUMENT", (store, key) => store.getMany([key], options)],
  [`scan: an option ${name}`, "INVALID_ARGUMENT", (store) => store.scan({}, options).toArray()],
  [`history: an option ${name}`, "INVALID_ARGUMENT", (store, key) => store.history(key, options).toArray()],
  [`put: an option ${name}`, "INVALID_ARGUMENT", (store, key) => store.put(key, "changed", options)],
  [`delete: an option ${name}`, "INVALID_ARGUMENT", (store, key) => store.delete(key, options)],
  [`write: an option ${name}`, "INVALID_ARGUMENT", (store, key) => store.write([put(key)], options)],
  [`stats: an option ${name}`, "INVALID_ARGUMENT", (store) => store.stats(options)],
]);

function put(key: BytesInput): Operation {
  return { op: "put", key, value: "changed" };
}

/** Times have a section of their own, `times.ts`; batches as a whole are in `batches.ts`. */
export function refusalTests(subject: Subject): void {
  const calls = [...keyCalls, ...valueCalls, ...limitCalls, ...rangeCalls, ...writeCalls, ...optionCalls];

  test.each(calls)("%s is %s, and changes nothing", async (_, code, call) => {
    const { store } = subject.shared;
    const key = uniqueKey();
    const { seq, timestamp } = await store.put(key, "kept");
    await fails(() => call(store, key), code);
    expect(await store.history(key).toArray()).toMatchObject([{ seq, timestamp }]);
    expect((await store.get(key))?.text()).toBe("kept");
    expect((await store.stats()).seq).toBe(seq);
  });
}
