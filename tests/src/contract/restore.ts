import { type Entries, json, utf8, type WatchEvent } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, read, type Subject, uniqueKey } from "./subject.ts";

/** Microseconds. */
const HOUR = 3_600_000_000;

/** Going back to how a range looked. */
export function restoreTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const now = (): number => Date.now() * 1000;

  /** Keys of which one was deleted, one changed and one added after 150, and one stays as it was. */
  async function written(): Promise<string> {
    const prefix = uniqueKey();
    await store().write(
      ["1", "2", "4"].map((id) => ({ op: "put", key: prefix + id, value: `old${id}`, timestamp: 100 })),
    );
    await store().delete(`${prefix}1`, { timestamp: 200 });
    await store().put(`${prefix}2`, "new2", { timestamp: 200 });
    await store().put(`${prefix}3`, "new3", { timestamp: 200 });
    return prefix;
  }

  const values = async (prefix: string, asOf?: number): Promise<string[]> =>
    (await store().scan({ prefix }, { asOf }).toArray()).map(({ key, value }) => `${key.slice(-1)} ${text(value)}`);

  test("deleted keys come back, changed ones get their value back, added ones go", async () => {
    const prefix = await written();
    const before = now();
    const result = await store().restore({ prefix }, 150);
    const { timestamp, seq, ...counts } = result;
    // Two values and their keys, and the key that goes.
    expect(counts).toEqual({ to: 150, restored: 2, deleted: 1, bytes: 3 * (prefix.length + 1) + 2 * 4 });
    expect(timestamp).toBeGreaterThan(before - HOUR);
    expect(seq).toBeLessThanOrEqual((await store().stats()).seq);
    expect(await values(prefix)).toEqual(["1 old1", "2 old2", "4 old4"]);
    expect(await store().get(`${prefix}4`)).toMatchObject({ timestamp: 100 });
    expect(await store().get(`${prefix}1`)).toMatchObject({ timestamp });
    expect(await values(prefix, timestamp! - 1)).toEqual(["2 new2", "3 new3", "4 old4"]);
    expect(await listed(store().history(`${prefix}3`))).toEqual([
      `${prefix}3@${timestamp} deleted`,
      `${prefix}3@200=new3`,
    ]);
  });

  test("another one undoes it", async () => {
    const prefix = await written();
    const { timestamp } = await store().restore({ prefix }, 150);
    expect(await store().restore({ prefix }, timestamp! - 1)).toMatchObject({ restored: 2, deleted: 1 });
    expect(await values(prefix)).toEqual(["2 new2", "3 new3", "4 old4"]);
    await store().restore({ prefix }, timestamp!);
    expect(await values(prefix)).toEqual(["1 old1", "2 old2", "4 old4"]);
  });

  test("nothing is written where nothing has changed", async () => {
    const prefix = await written();
    const nothing = { restored: 0, deleted: 0, bytes: 0 };
    expect(await store().restore({ prefix }, 300)).toEqual({ to: 300, ...nothing });
    const { timestamp } = await store().restore({ prefix }, 150);
    expect(await store().restore({ prefix }, timestamp!)).toEqual({ to: timestamp, ...nothing });
    expect((await listed(store().history(`${prefix}1`))).length).toBe(3);
  });

  test("backdated writes count for the moment that is gone back to; versions of the future are outdone", async () => {
    const prefix = await written();
    await store().put(`${prefix}2`, "back", { timestamp: 120 });
    // As far ahead as servers take.
    const future = now() + 60_000_000;
    await store().put(`${prefix}4`, "ahead", { timestamp: future });
    const { timestamp } = await store().restore({ prefix }, 150);
    expect(timestamp).toBe(future + 1);
    expect(await values(prefix)).toEqual(["1 old1", "2 back", "4 old4"]);
    expect(await values(prefix, future)).toEqual(["2 new2", "3 new3", "4 ahead"]);
    const next = await store().put(uniqueKey(), "x");
    expect(next.timestamp).toBeLessThan(future);
  });

  test("only the range changes; bounds are as everywhere", async () => {
    const prefix = await written();
    await store().restore({ start: `${prefix}2`, end: `${prefix}3` }, 150);
    expect(await values(prefix)).toEqual(["2 old2", "3 new3", "4 old4"]);
    await store().restore({ start: `${prefix}3`, end: `${prefix}1` }, 150);
    expect(await values(prefix)).toEqual(["2 old2", "3 new3", "4 old4"]);
  });

  test("keys that are no text, and moments of all forms", async () => {
    const { bytes } = subject.shared;
    const prefix = new Uint8Array([...new TextEncoder().encode(uniqueKey()), 0xff]);
    const key = new Uint8Array([...prefix, 0, 0xfe]);
    await bytes.put(key, new Uint8Array([1]), { timestamp: 100 });
    await bytes.delete(key, { timestamp: now() - HOUR });
    expect(await bytes.restore({ prefix }, "-90m", { dryRun: true })).toMatchObject({
      restored: 1,
      sample: [{ key, kind: "added" }],
    });
    expect(await bytes.restore({ prefix }, new Date(0))).toMatchObject({ to: 0, restored: 0, deleted: 0 });
    expect(await bytes.restore({ prefix }, "-90m")).toMatchObject({ restored: 1 });
    expect((await bytes.get(key))?.value).toEqual(new Uint8Array([1]));
  });

  test("a dry run tells what would change, and changes nothing", async () => {
    const prefix = await written();
    const { seq } = await store().put(uniqueKey(), "x");
    const { sample, ...counts } = await store().restore({ prefix }, 150, { dryRun: true });
    expect(counts).toEqual({ to: 150, restored: 2, deleted: 1, bytes: 3 * (prefix.length + 1) + 2 * 4 });
    expect(sample!.map(({ key, kind, before, after }) => [key, kind, before?.text(), after?.text()])).toEqual([
      [`${prefix}1`, "added", undefined, "old1"],
      [`${prefix}2`, "changed", "new2", "old2"],
      [`${prefix}3`, "removed", "new3", undefined],
    ]);
    expect(sample![1]!.before!.timestamp).toBe(200);
    expect(await values(prefix)).toEqual(["2 new2", "3 new3", "4 old4"]);
    expect(await store().restore({ prefix }, 250, { dryRun: true })).toMatchObject({ restored: 0, sample: [] });
    expect((await listed(store().history(`${prefix}2`))).length).toBe(2);
    expect((await store().put(uniqueKey(), "y")).seq).toBeGreaterThan(seq);
  });

  test("a sample is ten changes at most, and fewer where they are large", async () => {
    const prefix = uniqueKey();
    const put = (id: number, value: string) => store().put(prefix + id, value, { timestamp: 200 });
    for (let id = 10; id < 22; id++) await put(id, "x");
    const few = await store().restore({ prefix }, 150, { dryRun: true });
    expect([few.deleted, few.sample?.length, few.sample?.at(-1)?.key]).toEqual([12, 10, `${prefix}19`]);
    const large = "x".repeat(700_000);
    for (let id = 10; id < 13; id++) await put(id, large);
    const { sample } = await store().restore({ prefix }, 150, { dryRun: true });
    expect(sample!.map(({ before }) => before?.value.length)).toEqual([700_000]);
  });

  test("values keep their expiry; one that has expired since has the time again that it had left", async () => {
    const prefix = uniqueKey();
    const later = now() + HOUR;
    await store().put(`${prefix}1`, "long", { timestamp: 100, expiresAt: later });
    await store().put(`${prefix}2`, "short", { timestamp: 100, expiresAt: 100 + HOUR });
    await store().delete(`${prefix}1`, { timestamp: 200 });
    const before = now();
    await store().restore({ prefix }, 150);
    expect((await store().get(`${prefix}1`))?.expiresAt).toBe(later);
    const { expiresAt } = (await store().get(`${prefix}2`))!;
    expect(expiresAt).toBeGreaterThan(before + HOUR / 2);
    expect(expiresAt).toBeLessThan(now() + 2 * HOUR);
  });

  test("one that is too large for one batch is one event of the change feed, with its range", async () => {
    const prefix = uniqueKey();
    await store().put(`${prefix}x`, "1", { timestamp: 100 });
    const keys = Array.from({ length: 10_001 }, (_, i) => `${prefix}${i}`);
    for (const part of [keys.slice(0, 6000), keys.slice(6000)]) {
      await store().write(part.map((key) => ({ op: "put", key, value: "", timestamp: 200 })));
    }
    const { seq: afterSeq } = await store().stats();
    const live = store().watch({ prefix }, { afterSeq, progress: true });
    await live.nextv(1);
    const { timestamp, seq, deleted } = await store().restore({ start: prefix, end: `${prefix}~` }, 150);
    expect(deleted).toBe(keys.length);
    const after = await store().put(`${prefix}x`, "2");
    const { op, to, ...rest } = { op: "restored", to: 150, timestamp, seq };
    const whole = { start: utf8(prefix), end: utf8(`${prefix}~`) };
    const told = async (watch: Entries<WatchEvent>): Promise<unknown[]> => {
      const events: WatchEvent[] = [];
      while (events.at(-1)?.seq !== after.seq) events.push(...(await watch.nextv(1)));
      await watch.close();
      return events
        .filter(({ items }) => items.length > 0)
        .map(({ seq, items: [item] }) => {
          return item!.op === undefined ? [seq, item!.key] : [seq, item];
        });
    };
    const next = [after.seq, `${prefix}x`];
    const restored = { op, range: whole, to, ...rest };
    expect(await told(live)).toEqual([[seq, restored], next]);
    expect(await told(store().watch({ prefix }, { afterSeq }))).toEqual([[seq, restored], next]);
    expect(await told(store().watch({ prefix }, { afterSeq: seq! }))).toEqual([next]);
    const clipped = { ...restored, range: { start: utf8(`${prefix}x`), end: utf8(`${prefix}y`) } };
    expect(await told(store().watch({ prefix: `${prefix}x` }, { afterSeq }))).toEqual([[seq, clipped], next]);
  });

  test("typed views restore with keys and values of theirs", async () => {
    const prefix = uniqueKey();
    const prices = store().with({ value: json<number>() });
    await prices.put(`${prefix}a`, 1, { timestamp: 100 });
    await prices.put(`${prefix}a`, 2, { timestamp: 200 });
    const { sample } = await prices.restore({ prefix }, 150, { dryRun: true });
    expect(sample).toMatchObject([{ key: `${prefix}a`, kind: "changed", before: { value: 2 }, after: { value: 1 } }]);
    expect(await prices.restore({ prefix }, 150)).toMatchObject({ to: 150, restored: 1 });
    expect((await prices.get(`${prefix}a`))?.value).toBe(1);
  });

  test("below a horizon there is nothing to go back to", async () => {
    const prefix = uniqueKey();
    const key = `${prefix}k`;
    await store().put(key, "old", { timestamp: now() - 3 * HOUR });
    await store().put(key, "new", { timestamp: now() - 2 * HOUR });
    const { horizon } = await store().setRetention(prefix, "1h");
    for (const dryRun of [true, false]) {
      await expect(store().restore({ prefix }, horizon - 1, { dryRun })).rejects.toMatchObject({
        code: "HISTORY_TRIMMED",
        details: { oldestReadable: horizon },
      });
    }
    await store().put(key, "newest");
    expect(await store().restore({ prefix }, horizon)).toMatchObject({ restored: 1 });
    expect(await read(store(), key)).toBe("new");
  });

  test("bad ranges, moments and options are refused, and change nothing", async () => {
    const prefix = await written();
    await fails(() => store().restore(undefined as unknown as object, 150), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix, start: prefix } as object, 150), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefxi: prefix } as object, 150), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix }, "yesterday"), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix }, -1), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix }, undefined as unknown as number), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix }, 150, { dry: true } as object), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix }, 150, { dryRun: 1 } as object), "INVALID_ARGUMENT");
    await fails(() => store().restore({ prefix }, 150, { signal: AbortSignal.abort() }), "CANCELLED");
    expect(await values(prefix)).toEqual(["2 new2", "3 new3", "4 old4"]);
  });
}

function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}
