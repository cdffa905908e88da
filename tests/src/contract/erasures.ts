import { type EraseProgress, tuple } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, read, type Subject, uniqueKey } from "./subject.ts";

/** Erasing ranges and keys for good. */
export function eraseTests(subject: Subject): void {
  const store = () => subject.shared.store;

  /** Three keys with a value at 100 and one at 200 each. */
  async function written(): Promise<{ prefix: string; keys: [string, string, string] }> {
    const prefix = uniqueKey();
    const keys: [string, string, string] = [`${prefix}a`, `${prefix}b`, `${prefix}c`];
    for (const timestamp of [100, 200]) {
      await store().write(keys.map((key) => ({ op: "put", key, value: `at ${timestamp}`, timestamp })));
    }
    return { prefix, keys };
  }

  test("everything of a range is gone at every timestamp, and nothing beside it", async () => {
    const { prefix, keys } = await written();
    await store().delete(keys[0], { timestamp: 300 });
    const { seq: before } = await store().put(keys[1], "at 300", { timestamp: 300 });
    const { seq, removed } = await store().erase({ start: keys[0], end: keys[2] });
    expect(seq).toBeGreaterThan(before);
    expect(removed).toBe(6);
    expect(await listed(store().scan({ prefix }, { includeDeleted: true }))).toEqual([`${keys[2]}@200=at 200`]);
    for (const key of keys.slice(0, 2)) {
      expect(await listed(store().history(key))).toEqual([]);
      expect(await read(store(), key, 150)).toBeUndefined();
    }
    expect(await listed(store().history(keys[2]))).toEqual([`${keys[2]}@200=at 200`, `${keys[2]}@100=at 100`]);
    expect((await store().put(keys[0], "next")).seq).toBeGreaterThan(seq);
  });

  test("one key goes, and those that begin with it stay", async () => {
    const key = uniqueKey();
    await store().write(
      [key, `${key}\0`, `${key}b`].map((each) => ({ op: "put", key: each, value: "v", timestamp: 100 })),
    );
    expect((await store().erase({ key })).removed).toBe(1);
    expect((await store().scan({ prefix: key }).toArray()).map((entry) => entry.key)).toEqual([`${key}\0`, `${key}b`]);
    expect(await store().erase({ key })).toMatchObject({ removed: 0 });
  });

  test("the longest key, and keys that are no text", async () => {
    const { bytes } = subject.shared;
    const long = new Uint8Array(65_535).fill(0xff);
    await bytes.put(long, "v", { timestamp: 100 });
    expect((await bytes.erase({ key: long })).removed).toBe(1);
    expect(await bytes.get(long)).toBeUndefined();
    const prefix = Uint8Array.of(...new TextEncoder().encode(uniqueKey()), 0xff);
    await bytes.put(Uint8Array.of(...prefix, 0xff), "v", { timestamp: 100 });
    expect((await bytes.erase({ prefix })).removed).toBe(1);
    expect(await bytes.scan({ prefix }).toArray()).toEqual([]);
  });

  test("what is written later stays, backdated too, and deleted ranges of before say nothing of it", async () => {
    const { prefix, keys } = await written();
    await store().deleteRange({ prefix }, { timestamp: 250 });
    await store().erase({ prefix });
    await store().put(keys[0], "backdated", { timestamp: 50 });
    expect(await read(store(), keys[0])).toBe("backdated");
    expect(await listed(store().history(keys[0]))).toEqual([`${keys[0]}@50=backdated`]);
  });

  test("snapshots that are older do not show it either", async () => {
    const { keys } = await written();
    await using snapshot = await store().snapshot();
    await store().erase({ key: keys[1] });
    expect(await snapshot.get(keys[1])).toBeUndefined();
    expect(await listed(snapshot.history(keys[1]))).toEqual([]);
    expect((await snapshot.get(keys[0]))?.text()).toBe("at 200");
  });

  test("the feed begins behind it", async () => {
    const { prefix, keys } = await written();
    const { seq: before } = await store().put(keys[0], "before", { timestamp: 300 });
    const { seq } = await store().erase({ key: keys[0] });
    const late = store().watch({ prefix }, { afterSeq: before - 1 });
    await fails(() => late.nextv(1), "FEED_TRIMMED");
    await using behind = store().watch({ prefix }, { afterSeq: seq });
    await store().put(keys[0], "after", { timestamp: 300 });
    const [event] = await behind.nextv(1);
    expect(event?.items).toMatchObject([{ key: keys[0], timestamp: 300 }]);
  });

  test("it is told when nothing shows any more, and how far it is", async () => {
    const { prefix, keys } = await written();
    const progress: EraseProgress[] = [];
    const hidden: Promise<string | undefined>[] = [];
    const seqs: number[] = [];
    const { seq, setAside, checkpoints } = await store().erase(
      { prefix },
      {
        onProgress: (each) => progress.push(each),
        onHidden: (at) => {
          seqs.push(at);
          hidden.push(read(store(), keys[0]));
        },
      },
    );
    expect(seqs).toEqual([seq]);
    expect(await Promise.all(hidden)).toEqual([undefined]);
    expect(progress.length).toBeGreaterThan(0);
    for (const { phase, bytesDone, bytesTotal } of progress) {
      expect(["hiding", "memory", "tables", "log", "files"]).toContain(phase);
      expect(bytesDone).toBeLessThanOrEqual(bytesTotal);
    }
    expect([setAside, checkpoints]).toEqual([[], []]);
  });

  test("several at a time are each carried out", async () => {
    const { prefix, keys } = await written();
    const results = await Promise.all(keys.map((key) => store().erase({ key })));
    expect(new Set(results.map(({ seq }) => seq)).size).toBe(3);
    expect(await store().scan({ prefix }, { includeDeleted: true }).toArray()).toEqual([]);
  });

  test("a dry run counts, and changes nothing", async () => {
    const { prefix, keys } = await written();
    const { seq } = await store().delete(keys[0], { timestamp: 300 });
    await store().retract(keys[2], 200);
    const hidden: number[] = [];
    const options = { dryRun: true, onHidden: (at: number) => hidden.push(at) };
    expect((await store().erase({ start: keys[0], end: keys[2] }, options)).removed).toBe(5);
    expect((await store().erase({ key: keys[2] }, options)).removed).toBe(1);
    expect((await store().erase({ prefix: uniqueKey() }, options)).removed).toBe(0);
    expect((await store().erase({ prefix }, options)).seq).toBeGreaterThan(seq);
    expect(hidden).toEqual([]);
    expect((await listed(store().history(keys[0]))).length).toBe(3);
  });

  test("typed views erase with keys of theirs", async () => {
    const prefix = uniqueKey();
    const rooms = store().with({ keys: tuple<[string, number]>() });
    for (const room of [1, 2, 3]) await rooms.put([prefix, room], "v");
    expect((await rooms.erase({ key: [prefix, 2] })).removed).toBe(1);
    expect((await rooms.scan({ prefix: [prefix] }).toArray()).map(({ key }) => key[1])).toEqual([1, 3]);
    expect((await rooms.erase({ prefix: [prefix] })).removed).toBe(2);
  });

  test.each([
    ["nothing at all", undefined],
    ["a prefix and a start", { prefix: "a", start: "b" }],
    ["a key and a range", { key: "a", prefix: "a" }],
    ["an empty key", { key: "" }],
    ["a field that is none", { keys: ["a"] }],
  ])("%s is refused", async (_, target) => {
    const { keys } = await written();
    await fails(() => store().erase(target as never), "INVALID_ARGUMENT");
    await fails(() => store().erase(target as never, { dryRun: true }), "INVALID_ARGUMENT");
    expect(await read(store(), keys[0])).toBe("at 200");
  });

  test("options that are none, and calls that are given up before they begin", async () => {
    const { keys } = await written();
    const erase = (options: object) => () => store().erase({ key: keys[0] }, options);
    await fails(erase({ dry: true }), "INVALID_ARGUMENT");
    await fails(erase({ dryRun: "yes" }), "INVALID_ARGUMENT");
    await fails(erase({ onProgress: true }), "INVALID_ARGUMENT");
    await fails(erase({ onHidden: 1 }), "INVALID_ARGUMENT");
    await fails(erase({ signal: AbortSignal.abort() }), "CANCELLED");
    expect(await read(store(), keys[0])).toBe("at 200");
  });
}
