import type { CallOptions, Operation, Store } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, read, type Subject, uniqueKey } from "./subject.ts";

/** Every call of a store, with a good key. */
const everyCall: readonly (readonly [
  name: string,
  call: (store: Store, key: string, options?: CallOptions) => Promise<unknown>,
])[] = [
  ["put", (store, key, options) => store.put(key, "v", options)],
  ["delete", (store, key, options) => store.delete(key, options)],
  ["write", (store, key, options) => store.write([{ op: "put", key, value: "v" }], options)],
  ["get", (store, key, options) => store.get(key, options)],
  ["getMany", (store, key, options) => store.getMany([key], options)],
  ["scan", (store, key, options) => store.scan({ prefix: key }, options).toArray()],
  ["history", (store, key, options) => store.history(key, options).toArray()],
  ["stats", (store, _, options) => store.stats(options)],
];

export function lifecycleTests(subject: Subject): void {
  test.each(everyCall)("%s with a signal that has fired is CANCELLED, and changes nothing", async (_, call) => {
    const { store } = subject.shared;
    const key = uniqueKey();
    const { seq } = await store.put(key, "kept");
    await fails(() => call(store, key, { signal: AbortSignal.abort() }), "CANCELLED");
    expect(await store.history(key).toArray()).toMatchObject([{ seq }]);
  });

  test.each(everyCall)("%s takes a signal and a timeout that do not fire", async (_, call) => {
    const options = { signal: new AbortController().signal, timeoutMs: 60_000 };
    expect(await call(subject.shared.store, uniqueKey(), options)).not.toBeInstanceOf(Error);
  });

  test("a scan stops when its signal fires", async () => {
    const { store } = subject.shared;
    const prefix = uniqueKey();
    await store.write(
      Array.from({ length: 3_000 }, (_, i): Operation => ({ op: "put", key: `${prefix}${i}`, value: "" })),
    );
    const controller = new AbortController();
    let seen = 0;
    const scan = async (): Promise<void> => {
      for await (const _ of store.scan({ prefix }, { signal: controller.signal })) {
        if (++seen === 10) controller.abort();
      }
    };
    await fails(scan, "CANCELLED");
    expect(seen).toBeLessThan(3_000);
    expect(await store.scan({ prefix }).toArray()).toHaveLength(3_000);
  });

  test("a write whose signal fires while it runs is whole or absent", async () => {
    const { store } = subject.shared;
    const prefix = uniqueKey();
    const outcomes: string[] = [];
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const keys = ["a", "b"].map((k) => `${prefix}${i}${k}`);
      const writing = store.write(
        keys.map((key): Operation => ({ op: "put", key, value: "v" })),
        controller,
      );
      setTimeout(() => controller.abort(), i % 4);
      outcomes.push(
        await writing.then(
          () => "written",
          (error: { code: string }) => error.code,
        ),
      );
      const present = (await store.getMany(keys)).filter((entry) => entry !== undefined).length;
      if (outcomes[i] === "written") expect(present).toBe(2);
      else expect([0, 2]).toContain(present);
    }
    expect(outcomes.every((outcome) => outcome === "written" || outcome === "CANCELLED")).toBe(true);
  });

  test("stats tell the newest seq and the store's incarnation", async () => {
    const { store, bytes } = subject.shared;
    const { seq } = await store.put(uniqueKey(), "v");
    const stats = await store.stats();
    expect(stats.seq).toBe(seq);
    expect(stats.incarnation).toMatch(/^.{8,}$/);
    expect(await bytes.stats()).toMatchObject({ seq, incarnation: stats.incarnation });
  });

  test("closing a view leaves the store open", async () => {
    const { store } = subject.shared;
    const key = uniqueKey();
    {
      await using view = store.with({ keys: "bytes" });
      await view.put(key, "v");
      await view.close();
    }
    expect(await read(store, key)).toBe("v");
  });

  test("after close every call is CLOSED, on views too, and closing again does nothing", async () => {
    await using fresh = await subject.fresh();
    await fresh.store.put("k", "v");
    const entries = fresh.store.scan();
    await fresh.store.close();
    await fresh.store.close();
    for (const [, call] of everyCall) await fails(() => call(fresh.store, "k"), "CLOSED");
    await fails(() => fresh.bytes.get("k"), "CLOSED");
    await fails(() => fresh.bytes.put("k", "w"), "CLOSED");
    await fails(() => entries.toArray(), "CLOSED");
  });

  if (subject.reopens === true) {
    test("what was written is there after closing and opening, and goes on from there", async () => {
      const first = await subject.fresh();
      await first.store.put("k", "old", { timestamp: 100 });
      await first.store.put("k", "short", { timestamp: 200, expiresAt: 300 });
      await first.store.delete("gone", { timestamp: 50 });
      await first.bytes.put(Uint8Array.of(0xff), new Uint8Array(100_000).fill(7), { timestamp: 1 });
      const last = await first.store.put("k", "now");
      const second = await first.reopen!();
      await using _ = { [Symbol.asyncDispose]: () => second.close() };
      const { store, bytes } = second;
      expect((await store.stats()).seq).toBeGreaterThanOrEqual(last.seq);
      expect(await store.get("k")).toMatchObject({ timestamp: last.timestamp, seq: last.seq });
      const timestamp = last.timestamp;
      expect(await listed(store.history("k"))).toEqual([`k@${timestamp}=now`, "k@200=short until 300", "k@100=old"]);
      expect(await listed(store.history("gone"))).toEqual(["gone@50 deleted"]);
      expect((await bytes.get(Uint8Array.of(0xff)))?.value).toEqual(new Uint8Array(100_000).fill(7));
      const next = await store.put("k", "next");
      expect(next.seq).toBeGreaterThan(last.seq);
      expect(next.timestamp).toBeGreaterThan(last.timestamp);
      expect(await read(store, "k")).toBe("next");
    });
  }
}
