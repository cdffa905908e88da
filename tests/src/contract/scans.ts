import type { Entry, Operation } from "@kvts/common";
import { expect, test } from "vitest";
import { manyItems as many, type Subject, uniqueKey } from "./subject.ts";

/** Scans that take more than one page of any implementation. */
export function scanTests(subject: Subject): void {
  const prefix = uniqueKey();
  const numbered = (i: number): string => prefix + String(i).padStart(6, "0");
  const store = () => subject.shared.store;
  const keyOf = ({ key }: { readonly key: string }): string => key;
  const keys = Array.from({ length: many }, (_, i) => numbered(i));

  test(`a scan of ${many} keys gives each once and in order, however it is read`, async () => {
    await store().write(keys.map((key, i): Operation => ({ op: "put", key, value: `${i}`, timestamp: 5 })));
    expect((await store().scan({ prefix }).toArray()).map(keyOf)).toEqual(keys);
    expect((await store().scan({ prefix }, { reverse: true }).toArray()).map(keyOf)).toEqual(keys.toReversed());
    const iterated: string[] = [];
    for await (const entry of store().scan({ prefix })) iterated.push(entry.key);
    expect(iterated).toEqual(keys);
    const pieces: Entry[] = [];
    const entries = store().scan({ prefix }, { asOf: 5 });
    for (let piece = await entries.nextv(700); piece.length > 0; piece = await entries.nextv(700)) {
      expect(piece.length).toBeLessThanOrEqual(700);
      pieces.push(...piece);
    }
    expect(pieces.map(keyOf)).toEqual(keys);
    const limited = await store()
      .scan({ start: numbered(100) }, { limit: 2_222 })
      .toArray();
    expect(limited.map(keyOf)).toEqual(keys.slice(100, 2_322));
  });

  test("a scan reads one moment of the store, whatever is written while it runs", async () => {
    const other = uniqueKey();
    const own = keys.map((_, i) => `${other}${String(i).padStart(6, "0")}`);
    await store().write(own.map((key): Operation => ({ op: "put", key, value: "before", timestamp: 5 })));
    const entries = store().scan({ prefix: other });
    const seen = await entries.nextv(1);
    await store().write([
      ...own.slice(0, 5_000).map((key): Operation => ({ op: "put", key, value: "after", timestamp: 6 })),
      { op: "put", key: `${own[many - 1]}+`, value: "after" },
      { op: "put", key: own[many - 2]!, value: "after", timestamp: 5 },
      { op: "delete", key: own[many - 1]! },
    ]);
    seen.push(...(await entries.toArray()));
    expect(seen.map(keyOf)).toEqual(own);
    expect(new Set(seen.map((entry) => entry.text()))).toEqual(new Set(["before"]));
    expect(await store().scan({ prefix: other }, { limit: 1 }).toArray()).toMatchObject([{ timestamp: 6 }]);
  });

  test("a scan over deleted keys finds what lies behind them", async () => {
    const other = uniqueKey();
    const own = keys.map((_, i) => `${other}${String(i).padStart(6, "0")}`);
    await store().write(own.map((key): Operation => ({ op: "delete", key, timestamp: 5 })));
    await store().put(own[many - 1]!, "alive", { timestamp: 6 });
    await store().put(own[0]!, "alive", { timestamp: 4 });
    expect((await store().scan({ prefix: other }).toArray()).map(keyOf)).toEqual([own[many - 1]]);
    expect((await store().scan({ prefix: other }, { asOf: 4, reverse: true }).toArray()).map(keyOf)).toEqual([own[0]]);
    expect(await store().scan({ prefix: other }, { includeDeleted: true }).toArray()).toHaveLength(many);
  });
}
