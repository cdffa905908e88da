import { expect, test } from "vitest";
import { fails, listed, read, type Subject, uniqueKey } from "./subject.ts";

/** Microseconds; far enough back that every clock of a test agrees about what is older. */
const HOUR = 3_600_000_000;

/** How long history is kept, by prefix. */
export function retentionTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const now = (): number => Date.now() * 1000;

  /** A prefix with a key that has versions three hours old, two hours old, and of half an hour ago. */
  async function written(): Promise<{ prefix: string; key: string; times: readonly [number, number, number] }> {
    const prefix = uniqueKey();
    const key = `${prefix}k`;
    const times = [now() - 3 * HOUR, now() - 2 * HOUR, now() - HOUR / 2] as const;
    for (const [index, timestamp] of times.entries()) await store().put(key, `v${index}`, { timestamp });
    return { prefix, key, times };
  }

  test("cuts what is older, whatever the face; current values stay", async () => {
    const { prefix, key, times } = await written();
    const old = `${prefix}old`;
    await store().put(old, "stays", { timestamp: times[0] });
    const { horizon } = await store().setRetention(prefix, "1h");
    expect(horizon).toBeGreaterThan(times[1]);
    // The clock of a test has milliseconds.
    expect(horizon).toBeLessThan(now() - HOUR + 1000);
    expect(await listed(store().history(key))).toEqual([`${key}@${times[2]}=v2`, `${key}@${times[1]}=v1`]);
    expect(await listed(store().history(key, { reverse: true, limit: 1 }))).toEqual([`${key}@${times[1]}=v1`]);
    expect(await read(store(), key, horizon)).toBe("v1");
    expect(await read(store(), old)).toBe("stays");
    expect((await store().scan({ prefix }, { asOf: horizon }).toArray()).length).toBe(2);
    await store().setRetention(prefix, null);
    expect((await listed(store().history(key))).length).toBe(2);
  });

  test("reads and writes below the horizon fail, and tell the oldest moment that can be read", async () => {
    const { prefix, key, times } = await written();
    const { horizon } = await store().setRetention(prefix, "1h");
    const [, before] = times;
    const calls = [
      () => store().get(key, { asOf: before }),
      () => store().getMany([key], { asOf: before }),
      () => store().scan({ prefix }, { asOf: before }).toArray(),
      () => store().history(key, { to: before }).toArray(),
      () => store().diff({ prefix }, { from: before, to: now() }).toArray(),
      () => store().at(before).get(key),
      () => store().put(key, "x", { timestamp: before }),
      () => store().delete(key, { timestamp: before }),
      () => store().retract(key, before),
      () => store().write([{ op: "put", key, value: "x", timestamp: before }]),
    ];
    for (const call of calls) {
      await expect((async () => call())()).rejects.toMatchObject({
        code: "HISTORY_TRIMMED",
        details: { oldestReadable: horizon },
      });
    }
    expect(await read(store(), key, horizon)).toBe("v1");
    await store().put(key, "at", { timestamp: horizon });
    expect(await read(store(), key, horizon)).toBe("at");
    await store().deleteRetention(prefix);
    await fails(() => store().get(key, { asOf: before }), "HISTORY_TRIMMED");
  });

  test("a deleted key is not brought back from below the horizon", async () => {
    const { prefix, key, times } = await written();
    await store().delete(key, { timestamp: times[2] + 1 });
    const { horizon } = await store().setRetention(prefix, "20m");
    expect(await store().history(key).toArray()).toEqual([]);
    expect(await store().scan({ prefix }, { includeDeleted: true }).toArray()).toEqual([]);
    await fails(() => store().put(key, "x", { timestamp: horizon - 1 }), "HISTORY_TRIMMED");
    expect(await store().get(key)).toBeUndefined();
    await store().put(key, "again");
    expect(await read(store(), key)).toBe("again");
  });

  test("the longest prefix decides; policies are listed and taken away", async () => {
    const { prefix, key } = await written();
    const { bytes } = subject.shared;
    const inner = new Uint8Array([...new TextEncoder().encode(prefix), 0xff, 0x2e]);
    await bytes.setRetention(inner, null);
    await store().setRetention(prefix, HOUR);
    const mine = async () =>
      (await bytes.listRetention()).filter(({ prefix: one }) => new TextDecoder().decode(one).startsWith(prefix));
    const policies = await mine();
    expect(policies.map(({ keepFor }) => keepFor)).toEqual(["1h", null]);
    expect(policies[1]).toEqual({ prefix: inner, keepFor: null, horizon: 0 });
    expect(policies[0]!.horizon).toBeGreaterThan(0);
    await bytes.put(inner, "x", { timestamp: 5 });
    expect((await bytes.get(inner, { asOf: 5 }))?.text()).toBe("x");
    await bytes.deleteRetention(inner);
    await bytes.deleteRetention(inner);
    await store().setRetention(prefix, "90m");
    expect(await mine()).toMatchObject([{ keepFor: "1h30m" }]);
    await store().deleteRetention(prefix);
    expect(await mine()).toEqual([]);
    expect((await listed(store().history(key))).length).toBe(2);
  });

  test("a dry run counts versions and bytes, and changes nothing", async () => {
    const { prefix, key } = await written();
    const { horizon, trimmed } = await store().setRetention(prefix, "1h", { dryRun: true });
    expect(horizon).toBeGreaterThan(0);
    expect(trimmed).toEqual({ versions: 1, bytes: key.length + 2 });
    expect((await listed(store().history(key))).length).toBe(3);
    expect((await store().listRetention()).some((policy) => policy.prefix === prefix)).toBe(false);
    expect((await store().setRetention(prefix, null, { dryRun: true })).trimmed).toEqual({ versions: 0, bytes: 0 });
    expect(await store().deleteRetention(prefix, { dryRun: true })).toMatchObject({ trimmed: { versions: 0 } });
  });

  test("bad prefixes, durations and options are refused", async () => {
    const prefix = uniqueKey();
    await fails(() => store().setRetention(prefix, "soon"), "INVALID_ARGUMENT");
    await fails(() => store().setRetention(prefix, -1), "INVALID_ARGUMENT");
    await fails(() => store().setRetention(prefix, 1.5), "INVALID_ARGUMENT");
    await fails(() => store().setRetention("x".repeat(1025), null), "TOO_LARGE");
    await fails(() => store().setRetention(prefix, null, { dry: true } as object), "INVALID_ARGUMENT");
    expect((await store().listRetention()).some((policy) => policy.prefix === prefix)).toBe(false);
  });

  if (subject.reopens === true) {
    test("policies and horizons outlast the process", async () => {
      await using opened = await subject.fresh();
      await opened.store.put("k", "a", { timestamp: 5 });
      const { horizon } = await opened.store.setRetention("", "1h");
      const again = await opened.reopen!();
      expect(await again.store.listRetention()).toEqual([{ prefix: "", keepFor: "1h", horizon }]);
      await fails(() => again.store.get("k", { asOf: 5 }), "HISTORY_TRIMMED");
      await again.close();
    });
  }
}
