import { resolveRange, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { Model, type ModelOperation, sameVersion } from "./model.ts";

const key = utf8("k");
const put = (timestamp: number, value: string, expiresAt?: number): ModelOperation => {
  return { op: "put", key, value: utf8(value), timestamp, expiresAt };
};
const del = (timestamp: number): ModelOperation => ({ op: "delete", key, timestamp });
const retract = (timestamp: number): ModelOperation => ({ op: "retract", key, timestamp });

function modelOf(...operations: ModelOperation[]): Model {
  const model = new Model();
  for (const operation of operations) model.commit([operation]);
  return model;
}

function read(model: Model, asOf?: number, atSeq?: number, now = 0): string | undefined {
  const entry = model.get(key, { now, asOf, atSeq });
  return entry === undefined ? undefined : new TextDecoder().decode(entry.value);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

describe("the model", () => {
  test("versions 100 and 101: nothing at 99, the first at 100, the second at 101 and later", () => {
    const model = modelOf(put(100, "value1"), put(101, "value2"));
    expect([99, 100, 101, 102, undefined].map((asOf) => read(model, asOf))).toEqual([
      undefined,
      "value1",
      "value2",
      "value2",
      "value2",
    ]);
  });

  test("arrival order does not matter for different timestamps", () => {
    for (const order of permutations([put(10, "a"), put(20, "b"), del(30), put(40, "c")])) {
      const model = modelOf(...order);
      expect([5, 15, 25, 35, 45].map((asOf) => read(model, asOf))).toEqual([undefined, "a", "b", undefined, "c"]);
    }
  });

  test("put, delete and retract at one timestamp: the last one counts, in every order", () => {
    for (const order of permutations([put(50, "x"), del(50), retract(50)])) {
      const model = modelOf(put(10, "old"), ...order);
      const last = order.at(-1)!.op as "put" | "delete" | "retract";
      expect(read(model)).toBe({ put: "x", delete: undefined, retract: "old" }[last]);
      expect(model.history(key).map(({ op, timestamp }) => [op, timestamp])).toEqual(
        last === "retract"
          ? [["put", 10]]
          : [
              [last, 50],
              ["put", 10],
            ],
      );
    }
  });

  test("a retract hides only lower seqs, so a later put there revives the timestamp", () => {
    const model = modelOf(put(50, "x"), retract(50), put(50, "y"));
    expect([1, 2, 3].map((seq) => read(model, undefined, seq))).toEqual(["x", undefined, "y"]);
  });

  test("a tombstone holds until the next newer version, for backdated puts too", () => {
    const model = modelOf(del(100), put(50, "below"), put(150, "above"));
    expect([50, 99, 100, 149, 150].map((asOf) => read(model, asOf))).toEqual([
      "below",
      "below",
      undefined,
      undefined,
      "above",
    ]);
  });

  test("an expired value reads as a tombstone: at its as-of moment, or by the clock for the newest", () => {
    const model = modelOf(put(10, "old"), put(20, "short", 30));
    expect([19, 20, 29, 30, 99].map((asOf) => read(model, asOf))).toEqual([
      "old",
      "short",
      "short",
      undefined,
      undefined,
    ]);
    expect([29, 30].map((now) => read(model, undefined, undefined, now))).toEqual(["short", undefined]);
    expect(model.history(key).map(({ op }) => op)).toEqual(["put", "put"]);
  });

  test("a batch has consecutive seqs, and the later operation wins at one timestamp", () => {
    const model = new Model();
    model.commit([put(5, "first"), put(5, "second")], 1000);
    expect(model.seq).toBe(1000);
    expect(model.history(key)).toMatchObject([{ seq: 1000 }]);
    expect(read(model, undefined, 999)).toBe("first");
    expect(() => model.commit([put(6, "a"), put(7, "b")], 1001)).toThrow("seqs grow");
  });

  test("scan is in byte order, and leaves out keys that hold nothing", () => {
    const model = new Model();
    const keys = [[255], [0], [0, 0], [128, 1], [97], [127]].map((bytes) => Uint8Array.from(bytes));
    model.commit(keys.map((each) => ({ op: "put", key: each, value: each, timestamp: 1 })));
    model.commit([{ op: "delete", key: Uint8Array.of(97), timestamp: 2 }]);
    const scanned = (options: object, range = {}) =>
      model.scan(resolveRange(range), { now: 0, ...options }).map((entry) => [...entry.key]);
    expect(scanned({})).toEqual([[0], [0, 0], [127], [128, 1], [255]]);
    expect(scanned({ asOf: 1 })).toEqual([[0], [0, 0], [97], [127], [128, 1], [255]]);
    expect(scanned({ reverse: true, limit: 2 })).toEqual([[255], [128, 1]]);
    expect(scanned({ includeDeleted: true })).toEqual([[0], [0, 0], [97], [127], [128, 1], [255]]);
    expect(scanned({ atSeq: 2 })).toEqual([[0], [255]]);
    expect(scanned({}, { start: Uint8Array.of(0, 0), end: Uint8Array.of(128) })).toEqual([[0, 0], [127]]);
    expect(scanned({}, { prefix: Uint8Array.of(0) })).toEqual([[0], [0, 0]]);
  });

  test("history takes both bounds inclusively, a direction and a limit", () => {
    const model = modelOf(put(1, "a"), put(2, "b"), del(3), put(4, "c"));
    const listed = (options: object) => model.history(key, options).map(({ timestamp }) => timestamp);
    expect(listed({})).toEqual([4, 3, 2, 1]);
    expect(listed({ from: 2, to: 3 })).toEqual([3, 2]);
    expect(listed({ from: 2, reverse: true, limit: 2 })).toEqual([2, 3]);
    expect(listed({ from: 3, to: 2 })).toEqual([]);
    expect(listed({ atSeq: 2 })).toEqual([2, 1]);
  });

  test("versions differ by kind, value, timestamp, seq or expiry", () => {
    const [version] = modelOf(put(1, "a", 9)).history(key);
    const others = [put(1, "b", 9), put(1, "a", 8), put(1, "a"), put(2, "a", 9), del(1)];
    expect(sameVersion(version, modelOf(put(1, "a", 9)).history(key)[0])).toBe(true);
    for (const other of others) expect(sameVersion(version, modelOf(other).history(key)[0])).toBe(false);
    expect(sameVersion(version, undefined)).toBe(false);
  });
});
