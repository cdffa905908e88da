import { json, type Operation, type Range } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, permutations, read, type Subject, uniqueKey } from "./subject.ts";

/** Deleting every key that could be in a range. */
export function rangeDeleteTests(subject: Subject): void {
  const store = () => subject.shared.store;

  /** Three keys with a value at 100 each. */
  async function written(): Promise<{ prefix: string; keys: [string, string, string] }> {
    const prefix = uniqueKey();
    const keys: [string, string, string] = [`${prefix}a`, `${prefix}b`, `${prefix}c`];
    await store().write(keys.map((key) => ({ op: "put", key, value: "v", timestamp: 100 })));
    return { prefix, keys };
  }

  const visible = async (range: Range, asOf?: number): Promise<string[]> =>
    (await store().scan(range, { asOf }).toArray()).map(({ key }) => key);

  test("the keys hold nothing from its timestamp on, and what they held before is there", async () => {
    const { prefix, keys } = await written();
    const { timestamp, seq } = await store().deleteRange({ start: keys[0], end: keys[2] }, { timestamp: 200 });
    expect(timestamp).toBe(200);
    expect(await visible({ prefix })).toEqual([keys[2]]);
    expect(await visible({ prefix }, 199)).toEqual(keys);
    expect(await read(store(), keys[0])).toBeUndefined();
    expect((await store().getMany(keys)).map((entry) => entry?.text())).toEqual([undefined, undefined, "v"]);
    expect(await listed(store().history(keys[1]))).toEqual([`${keys[1]}@200 deleted`, `${keys[1]}@100=v`]);
    const all = await store().scan({ prefix }, { includeDeleted: true }).toArray();
    expect(all.map((version) => [version.timestamp, version.deleted === true])).toEqual([
      [200, true],
      [200, true],
      [100, false],
    ]);
    const changes = await store().diff({ prefix }, { from: 150, to: 250 }).toArray();
    expect(changes.map(({ key, kind }) => [key, kind])).toEqual([
      [keys[0], "removed"],
      [keys[1], "removed"],
    ]);
    expect((await store().put(keys[0], "next")).seq).toBeGreaterThan(seq);
    expect(await visible({ prefix })).toEqual([keys[0], keys[2]]);
  });

  test("a put below it is hidden, one above it shows, of equal timestamps the later one counts", async () => {
    const prefix = uniqueKey();
    await store().deleteRange({ prefix }, { timestamp: 200 });
    for (const timestamp of [100, 200, 300]) await store().put(`${prefix}${timestamp}`, "v", { timestamp });
    expect(await visible({ prefix })).toEqual([`${prefix}200`, `${prefix}300`]);
    await store().deleteRange({ prefix }, { timestamp: 200 });
    expect(await visible({ prefix })).toEqual([`${prefix}300`]);
    expect(await listed(store().history(`${prefix}200`))).toEqual([`${prefix}200@200 deleted`]);
    expect(await store().history(`${prefix}never`).toArray()).toEqual([]);
  });

  test("a retract takes it back for one key", async () => {
    const { prefix, keys } = await written();
    await store().deleteRange({ prefix }, { timestamp: 200 });
    await store().retract(keys[1], 200);
    expect(await visible({ prefix })).toEqual([keys[1]]);
    expect(await listed(store().history(keys[1]))).toEqual([`${keys[1]}@100=v`]);
    await store().deleteRange({ prefix }, { timestamp: 200 });
    expect(await visible({ prefix })).toEqual([]);
  });

  test("without a timestamp it gets one, later than all that were assigned", async () => {
    const prefix = uniqueKey();
    const put = await store().put(`${prefix}a`, "v");
    const deleted = await store().deleteRange({ prefix });
    expect(deleted.timestamp).toBeGreaterThan(put.timestamp);
    expect(await visible({ prefix })).toEqual([]);
    expect((await store().put(`${prefix}a`, "again")).timestamp).toBeGreaterThan(deleted.timestamp);
    expect(await visible({ prefix })).toEqual([`${prefix}a`]);
  });

  test("in a batch it counts in its place among the others", async () => {
    for (const order of permutations(["put", "deleteRange"] as const)) {
      const prefix = uniqueKey();
      const key = `${prefix}a`;
      await store().write(
        order.map((op): Operation => {
          return op === "put" ? { op, key, value: "v", timestamp: 50 } : { op, prefix, timestamp: 50 };
        }),
      );
      expect(await read(store(), key)).toBe(order[1] === "put" ? "v" : undefined);
    }
  });

  test("conditions count it as the newest entry of every key in it", async () => {
    const { prefix, keys } = await written();
    await store().deleteRange({ prefix }, { timestamp: 200 });
    await fails(() => store().put(keys[0], "v", { ifTimestamp: 100 }), "CONFLICT");
    await fails(() => store().put(`${prefix}new`, "v", { ifAbsent: true, timestamp: 150 }), "CONFLICT");
    const { seq } = await store().put(`${prefix}new`, "v", { ifAbsent: true, timestamp: 250 });
    const preconditions = [{ key: `${prefix}new`, ifSeq: seq }];
    await fails(() => store().write([{ op: "deleteRange", prefix, timestamp: 240 }], { preconditions }), "CONFLICT");
    await store().write([{ op: "deleteRange", prefix, timestamp: 260 }], { preconditions });
    expect(await visible({ prefix })).toEqual([]);
  });

  test("an empty range deletes nothing, and is a write", async () => {
    const { prefix, keys } = await written();
    const first = await store().deleteRange({ start: keys[2], end: keys[0] });
    const second = await store().deleteRange({ start: keys[1], end: keys[1] });
    expect(second.seq).toBeGreaterThan(first.seq);
    expect(await visible({ prefix })).toEqual(keys);
  });

  test("the same request id is the same write", async () => {
    const { prefix } = await written();
    const options = { requestId: `delete ${prefix}` };
    const first = await store().deleteRange({ prefix }, options);
    await store().put(`${prefix}a`, "later");
    expect(await store().deleteRange({ prefix }, options)).toEqual(first);
    expect(await read(store(), `${prefix}a`)).toBe("later");
    await fails(() => store().deleteRange({ prefix: `${prefix}a` }, options), "INVALID_ARGUMENT");
  });

  test("bounds of any bytes travel as they are", async () => {
    const { bytes } = subject.shared;
    const prefix = new TextEncoder().encode(uniqueKey());
    const keyOf = (...rest: number[]) => Uint8Array.of(...prefix, ...rest);
    for (const last of [0, 0x7f, 0xfe, 0xff]) await bytes.put(keyOf(last), "v");
    await bytes.deleteRange({ start: keyOf(0x7f), end: keyOf(0xff) });
    await bytes.write([{ op: "deleteRange", prefix: keyOf(0xff) }]);
    expect((await bytes.scan({ prefix }).toArray()).map(({ key }) => key.at(-1))).toEqual([0]);
  });

  test("a typed view deletes ranges of its keys", async () => {
    const prefix = uniqueKey();
    const typed = store().with({ value: json<number>() });
    await typed.write([
      { op: "put", key: `${prefix}a`, value: 1 },
      { op: "put", key: `${prefix}b`, value: 2 },
    ]);
    await typed.deleteRange({ start: `${prefix}b`, end: `${prefix}c` });
    expect((await typed.scan({ prefix }).toArray()).map(({ value }) => value)).toEqual([1]);
    await typed.write([{ op: "deleteRange", prefix }]);
    expect(await typed.scan({ prefix }).toArray()).toEqual([]);
  });

  test("what is no range is refused, and nothing is deleted", async () => {
    const { prefix, keys } = await written();
    const refused: unknown[] = [undefined, null, "all", { prefix, end: keys[1] }, { prefix, from: keys[0] }, []];
    for (const range of refused) await fails(() => store().deleteRange(range as Range), "INVALID_ARGUMENT");
    const mixed = { op: "deleteRange", prefix, start: keys[0] } as unknown as Operation;
    const keyed = { op: "deleteRange", key: keys[0] } as unknown as Operation;
    for (const operation of [mixed, keyed]) await fails(() => store().write([operation]), "INVALID_ARGUMENT");
    await fails(() => store().deleteRange({ prefix }, { timestamp: -1 }), "INVALID_ARGUMENT");
    expect(await visible({ prefix })).toEqual(keys);
  });
}
