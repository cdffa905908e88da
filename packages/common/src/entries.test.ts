import { describe, expect, test } from "vitest";
import { type EntriesSource, entriesOf, makeEntries } from "./entries.ts";
import { KvtsError } from "./errors.ts";

/** Counts up to `total`, giving `piece` numbers a pull whatever was asked, and keeps a record of what is done to it. */
function counter(total: number, piece: number) {
  const record = { pulls: 0, closes: 0, running: 0, runningMost: 0 };
  let next = 0;
  const source: EntriesSource<number> = {
    async pull() {
      record.pulls++;
      record.running++;
      record.runningMost = Math.max(record.runningMost, record.running);
      await new Promise((resolve) => setImmediate(resolve));
      record.running--;
      const items = Array.from({ length: Math.min(piece, total - next) }, (_, i) => next + i);
      next += items.length;
      return items;
    },
    close() {
      record.closes++;
    },
  };
  return { source, record };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("entries", () => {
  test.each([1, 3, 7, 1000])("give every item once and in order, in pieces of %i", async (piece) => {
    expect(await makeEntries(counter(700, piece).source).toArray()).toEqual(upTo(700));
    const iterated = [];
    for await (const item of makeEntries(counter(700, piece).source)) iterated.push(item);
    expect(iterated).toEqual(upTo(700));
    const entries = makeEntries(counter(10, piece).source);
    expect([await entries.nextv(4), await entries.nextv(4), await entries.nextv(4), await entries.nextv(4)]).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
      [],
    ]);
  });

  test("the source is closed once, at the end", async () => {
    const { source, record } = counter(5, 2);
    const entries = makeEntries(source);
    await entries.toArray();
    await entries.close();
    expect(record).toMatchObject({ closes: 1, pulls: 4 });
  });

  test("nothing is pulled before it is asked for", async () => {
    const { source, record } = counter(5, 2);
    const entries = makeEntries(source);
    await new Promise((resolve) => setImmediate(resolve));
    expect(record.pulls).toBe(0);
    await entries.nextv(2);
    expect(record.pulls).toBe(1);
    await entries.close();
  });

  test("iteration gives out what one pull brought before it waits for another", async () => {
    const { source, record } = counter(50, 2);
    const taken = [];
    for await (const item of makeEntries(source)) {
      taken.push([item, record.pulls]);
      if (item === 3) break;
    }
    expect(taken).toEqual([
      [0, 1],
      [1, 1],
      [2, 2],
      [3, 2],
    ]);
  });

  test("what is there already is given without waiting for the source, which says when it has ended", async () => {
    const pieces = [[1, 2], [3]];
    let [pulls, closes] = [0, 0];
    const source: EntriesSource<number> = {
      get ended() {
        return pieces.length === 0;
      },
      pull() {
        pulls++;
        return pieces.shift()!;
      },
      close: () => void closes++,
    };
    const iterator = makeEntries(source)[Symbol.asyncIterator]();
    const steps = [1, 2, 3, 4, 5].map(() => iterator.next());
    expect([pulls, closes]).toEqual([2, 1]);
    const values = (await Promise.all(steps)).map(({ done, value }) => (done === true ? "end" : value));
    expect(values).toEqual([1, 2, 3, "end", "end"]);
    expect([pulls, closes]).toEqual([2, 1]);
  });

  test("a source that fails at once fails the step, and then it is over", async () => {
    const failure = new KvtsError("CORRUPTION", "broken");
    let closes = 0;
    const source: EntriesSource<number> = {
      pull() {
        throw failure;
      },
      close: () => void closes++,
    };
    const entries = makeEntries(source);
    const iterator = entries[Symbol.asyncIterator]();
    const [first, second] = await Promise.allSettled([iterator.next(), iterator.next()]);
    expect(first).toMatchObject({ status: "rejected", reason: failure });
    expect(second).toMatchObject({ status: "fulfilled", value: { done: true } });
    await expect(entries.nextv(1)).rejects.toBe(failure);
    expect(closes).toBe(1);
  });

  test("steps taken by hand come in order, and giving the iterator back waits for those before it", async () => {
    const { source, record } = counter(1000, 2);
    const entries = makeEntries(source);
    const iterator = entries[Symbol.asyncIterator]();
    const steps = Array.from({ length: 5 }, () => iterator.next());
    const left = iterator.return!();
    const after = iterator.next();
    expect(await Promise.all(steps)).toEqual(upTo(5).map((value) => ({ done: false, value })));
    expect(await left).toEqual({ done: true, value: undefined });
    expect(await after).toEqual({ done: true, value: undefined });
    expect(record).toMatchObject({ pulls: 3, closes: 1, runningMost: 1 });
    expect(await entries.nextv(1)).toEqual([]);
  });

  test("concurrent calls take turns", async () => {
    const { source, record } = counter(6, 1);
    const entries = makeEntries(source);
    expect(await Promise.all([entries.nextv(2), entries.nextv(1), entries.nextv(9)])).toEqual([[0, 1], [2], [3, 4, 5]]);
    expect(record.runningMost).toBe(1);
  });

  test("leaving a loop closes, by break and by throw", async () => {
    for (const leave of ["break", "throw"]) {
      const { source, record } = counter(1000, 10);
      const entries = makeEntries(source);
      const loop = async (): Promise<void> => {
        for await (const item of entries) {
          if (item === 3 && leave === "break") break;
          if (item === 3) throw new Error("left");
        }
      };
      await (leave === "break" ? loop() : expect(loop()).rejects.toThrow("left"));
      expect(record.closes).toBe(1);
      expect(await entries.nextv(5)).toEqual([]);
    }
  });

  test("after close it is at its end, and what was under way ends too", async () => {
    const { source, record } = counter(1000, 10);
    await using entries = makeEntries(source);
    await entries.nextv(1);
    const underWay = entries.nextv(100);
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    await entries.close();
    expect(await underWay).toEqual([]);
    expect(await entries.nextv(5)).toEqual([]);
    expect(await entries.toArray()).toEqual([]);
    expect(record).toMatchObject({ closes: 1, running: 0 });
  });

  test("a failure is told every time, after what came before it was given", async () => {
    const failure = new KvtsError("CORRUPTION", "broken");
    let closes = 0;
    const pulls: (() => number[])[] = [
      () => [1, 2, 3],
      () => {
        throw failure;
      },
    ];
    const source = { pull: async () => pulls.shift()!(), close: () => void closes++ };
    const entries = makeEntries<number>(source);
    expect(await entries.nextv(2)).toEqual([1, 2]);
    await expect(entries.nextv(2)).rejects.toBe(failure);
    await expect(entries.nextv(2)).rejects.toBe(failure);
    await expect(entries.toArray()).rejects.toBe(failure);
    expect(closes).toBe(1);
  });

  test("a signal stops a pull that never ends, and one that has fired stops the first", async () => {
    const controller = new AbortController();
    const entries = makeEntries({ pull: () => new Promise<never[]>(() => undefined) }, controller.signal);
    const waiting = entries.nextv(1);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toMatchObject({ code: "CANCELLED", cause: controller.signal.reason });
    await expect(entries.close()).resolves.toBeUndefined();
    const { source, record } = counter(5, 2);
    await expect(makeEntries(source, controller.signal).toArray()).rejects.toMatchObject({ code: "CANCELLED" });
    expect(record).toMatchObject({ pulls: 0, closes: 1 });
  });

  test("a loop over a pull that never ends is left when the signal fires", async () => {
    const controller = new AbortController();
    const looping = makeEntries({ pull: () => new Promise<never[]>(() => undefined) }, controller.signal).toArray();
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(looping).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("a source that cannot be closed says so, with a signal and without", async () => {
    const source: EntriesSource<number> = {
      pull: async () => [1],
      close: () => Promise.reject(new KvtsError("CORRUPTION", "broken")),
    };
    for (const signal of [undefined, new AbortController().signal]) {
      await expect(makeEntries(source, signal).close()).rejects.toMatchObject({ code: "CORRUPTION" });
    }
  });

  test("a count below 1 is refused", async () => {
    for (const count of [0, -1, 1.5, Number.NaN]) {
      await expect(entriesOf([1]).nextv(count)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  test("closing waits for a pull under way that fails, and no longer", async () => {
    let fail: (error: Error) => void = () => {};
    let closes = 0;
    const pull = (): Promise<never[]> => new Promise((_, reject) => (fail = reject));
    const entries = makeEntries({ pull, close: () => void closes++ });
    const items = entries.nextv(1);
    await Promise.resolve();
    const closing = entries.close();
    fail(new Error("broken"));
    await expect(items).rejects.toThrow("broken");
    await expect(closing).resolves.toBeUndefined();
    expect(closes).toBe(1);
  });

  test("entriesOf is lazy, and closes what it iterates", async () => {
    const seen: number[] = [];
    let finished = false;
    function* numbers(): Generator<number> {
      try {
        for (let i = 0; ; i++) {
          seen.push(i);
          yield i;
        }
      } finally {
        finished = true;
      }
    }
    const entries = entriesOf(numbers());
    expect(await entries.nextv(3)).toEqual([0, 1, 2]);
    expect(seen).toEqual([0, 1, 2]);
    await entries.close();
    expect(finished).toBe(true);
  });
});
