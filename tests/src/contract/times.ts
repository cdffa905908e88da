import type { TimeInput } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, read, type Subject, uniqueKey } from "./subject.ts";

const moment = Date.UTC(2023, 0, 12, 11, 48, 12) * 1000;

export function timeTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test.each<[string, TimeInput, number]>([
    ["a number of microseconds", moment + 1, moment + 1],
    ["a Date", new Date(moment / 1000 + 5), moment + 5_000],
    ["RFC 3339", "2023-01-12T11:48:12Z", moment],
    ["RFC 3339 to the microsecond", "2023-01-12T11:48:12.000001Z", moment + 1],
    ["RFC 3339 with an offset", "2023-01-12T13:18:12.5+01:30", moment + 500_000],
    ["digits", String(moment), moment],
  ])("%s means the same wherever a time is taken", async (_, input, timestamp) => {
    const key = uniqueKey();
    expect((await store().put(key, "v", { timestamp: input })).timestamp).toBe(timestamp);
    expect(await read(store(), key, timestamp - 1)).toBeUndefined();
    expect((await store().get(key, { asOf: input }))?.timestamp).toBe(timestamp);
    expect((await store().getMany([key], { asOf: input }))[0]?.timestamp).toBe(timestamp);
    expect(await store().scan({ prefix: key }, { asOf: input }).toArray()).toHaveLength(1);
    expect(await store().history(key, { from: input, to: input }).toArray()).toHaveLength(1);
    await store().put(key, "w", { timestamp: 1, expiresAt: input });
    expect((await store().get(key, { asOf: 1 }))?.expiresAt).toBe(timestamp);
    await store().write([{ op: "delete", key, timestamp: input }]);
    expect(await store().get(key)).toBeUndefined();
    expect((await store().delete(key, { timestamp: input })).timestamp).toBe(timestamp);
  });

  test("relative times count from now", async () => {
    const key = uniqueKey();
    const { timestamp } = await store().put(key, "v", { timestamp: "-1h30m" });
    expect(Math.abs(Date.now() * 1000 - 5_400_000_000 - timestamp)).toBeLessThan(60_000_000);
    expect(await store().get(key, { asOf: "-2h" })).toBeUndefined();
    expect((await store().get(key, { asOf: "-1h" }))?.text()).toBe("v");
    expect((await store().get(key, { asOf: "now" }))?.text()).toBe("v");
    expect((await store().get(key, { asOf: "+10s" }))?.text()).toBe("v");
    expect(await store().history(key, { from: "-1h" }).toArray()).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["half a microsecond", 1.5],
    ["no number", Number.NaN],
    ["a time before 1970", -1],
    ["a Date before 1970", new Date(-1)],
    ["an invalid Date", new Date(Number.NaN)],
    ["2^53", 2 ** 53],
    ["seven fraction digits", "2023-01-12T11:48:12.0000001Z"],
    ["a leap second", "2016-12-31T23:59:60Z"],
    ["a date on no calendar", "2023-02-29T00:00:00Z"],
    ["a date alone", "2023-01-12"],
    ["a time without an offset", "2023-01-12T11:48:12"],
    ["the year 9999", "9999-12-31T23:59:59Z"],
    ["words", "yesterday"],
    ["an empty text", ""],
    ["a duration without a unit", "-5"],
    ["null", null],
    ["an object", {}],
  ])("%s is refused wherever a time is taken", async (_, bad) => {
    const key = uniqueKey();
    const input = bad as TimeInput;
    const { seq } = await store().put(key, "v", { timestamp: 1 });
    const calls: (() => Promise<unknown>)[] = [
      () => store().put(key, "w", { timestamp: input }),
      () => store().put(key, "w", { timestamp: 1, expiresAt: input }),
      () => store().delete(key, { timestamp: input }),
      () => store().write([{ op: "put", key, value: "w", timestamp: input }]),
      () => store().get(key, { asOf: input }),
      () => store().getMany([key], { asOf: input }),
      () => store().scan({ prefix: key }, { asOf: input }).toArray(),
      () => store().history(key, { from: input }).toArray(),
      () => store().history(key, { to: input }).toArray(),
    ];
    for (const call of calls) await fails(call, "INVALID_ARGUMENT");
    expect(await store().history(key).toArray()).toMatchObject([{ seq, timestamp: 1 }]);
    expect((await store().stats()).seq).toBe(seq);
  });
}
