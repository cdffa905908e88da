import { limits, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, holds, randomKey, type Subject, uniqueKey } from "./subject.ts";

const MIB = 1024 * 1024;

/** Both sides of where implementations may change their way of keeping or sending a value. */
const sizes = [0, 1, 3, 4, 255, 4096, 8191, 8192, 8193, 16_384, 65_535, 65_536, 300_000, MIB - 1, MIB];

export function valueTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("values of many sizes come back as they were, newest, as of, listed and scanned", async () => {
    const prefix = uniqueKey();
    const values = sizes.map(randomKey);
    for (const [i, value] of values.entries()) {
      await store().put(`${prefix}${i}`, value, { timestamp: 10 });
      await store().put(`${prefix}${i}`, "newer", { timestamp: 20 });
    }
    const scanned = await store().scan({ prefix }, { asOf: 15 }).toArray();
    expect(scanned).toHaveLength(sizes.length);
    for (const [i, value] of values.entries()) {
      const key = `${prefix}${i}`;
      const [, older] = await store().history(key).toArray();
      const found = [await store().get(key, { asOf: 10 }), older, scanned.find((entry) => entry.key === key)];
      for (const each of found) expect(holds(each, value)).toBe(true);
    }
  });

  test("an empty value is a value", async () => {
    const key = uniqueKey();
    await store().put(key, "", { timestamp: 1 });
    expect((await store().get(key))?.value).toEqual(new Uint8Array(0));
    expect(await store().scan({ prefix: key }).toArray()).toHaveLength(1);
    expect((await store().history(key).toArray())[0]?.deleted).toBeUndefined();
  });

  test.each(["\uFEFFbom", "\0", "a\nb", "🦊", "null", '{"a":1}'])("the text %j comes back as it was", async (text) => {
    const key = uniqueKey();
    await store().put(key, text);
    expect((await store().get(key))?.text()).toBe(text);
    expect((await store().get(key))?.value).toEqual(utf8(text));
  });

  test("values that are no text or no JSON say so", async () => {
    const key = uniqueKey();
    await store().put(key, Uint8Array.of(0xff));
    const entry = (await store().get(key))!;
    expect(entry.value).toEqual(Uint8Array.of(0xff));
    await fails(async () => entry.text(), "INVALID_ARGUMENT");
    await fails(async () => entry.json(), "INVALID_ARGUMENT");
  });

  test("lists of large values arrive whole", async () => {
    const prefix = uniqueKey();
    const values = Array.from({ length: 12 }, () => randomKey(MIB - 3));
    for (const [i, value] of values.entries()) {
      await store().put(`${prefix}${String(i).padStart(2, "0")}`, value, { timestamp: 1 });
      await store().put(`${prefix}all`, value, { timestamp: i });
    }
    const keys = values.map((_, i) => `${prefix}${String(i).padStart(2, "0")}`);
    const lists = [
      await store()
        .scan({ start: `${prefix}00`, end: `${prefix}99` })
        .toArray(),
      await store().getMany(keys),
      await store().history(`${prefix}all`, { reverse: true }).toArray(),
    ];
    for (const list of lists) {
      expect(list.map((entry, i) => holds(entry, values[i]!))).toEqual(values.map(() => true));
    }
  });

  test("a value above 64 MiB is refused", async () => {
    const key = uniqueKey();
    const value = new Uint8Array(limits.valueBytesMax + 1);
    await fails(() => store().put(key, value), "TOO_LARGE");
    await fails(() => store().write([{ op: "put", key, value }]), "TOO_LARGE");
    expect(await store().history(key).toArray()).toEqual([]);
  });

  if (subject.largeValues === true) {
    test("a value of 64 MiB is taken, alone and in a batch", async () => {
      await using fresh = await subject.fresh();
      const value = new Uint8Array(limits.valueBytesMax);
      for (let i = 0; i < value.length; i += 4093) value[i] = i;
      await fresh.store.put("a", value, { timestamp: 1 });
      await fresh.store.write([{ op: "put", key: "b", value, timestamp: 2 }]);
      await fresh.store.put("a", "small", { timestamp: 2 });
      const found = [
        await fresh.store.get("a", { asOf: 1 }),
        await fresh.store.get("b"),
        (await fresh.store.history("a").toArray())[1],
        (await fresh.store.scan({ start: "b" }).toArray())[0],
      ];
      for (const each of found) expect(holds(each, value)).toBe(true);
    });
  }
}
