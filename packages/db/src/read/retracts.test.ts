import { describe, expect, test } from "vitest";
import { KIND_DELETE, KIND_RETRACT } from "../format/version-record.ts";
import { LayeredStore } from "../testing/layered-store.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import type { TestReader } from "../testing/store-contents.ts";

const KEY = new TextEncoder().encode("k");

const put = (timestamp: number, seq: number): WrittenVersion => {
  return { key: KEY, timestamp, seq, value: new TextEncoder().encode(`${timestamp}#${seq}`) };
};
const del = (timestamp: number, seq: number): WrittenVersion => ({ key: KEY, timestamp, seq, kind: KIND_DELETE });
const retract = (timestamp: number, seq: number): WrittenVersion => ({ key: KEY, timestamp, seq, kind: KIND_RETRACT });

/** Tables of level 0, each with its versions; the store reads whatever order their seqs make. */
function tables(...contents: readonly (readonly WrittenVersion[])[]): LayeredStore {
  const store = new LayeredStore();
  for (const versions of contents) store.addTable(0, versions);
  return store;
}

/** What get, getSync, getMany and scan say; they have to agree. */
async function read(reader: TestReader, asOf?: number): Promise<string> {
  const [listed] = await reader.scan({}, { asOf }).toArray();
  const answers = [
    await reader.get(KEY, { asOf }),
    reader.getSync(KEY, { asOf }),
    (await reader.getMany([KEY], { asOf }))[0],
    listed,
    [...reader.scan({}, { asOf, reverse: true })][0],
  ];
  const texts = new Set(answers.map((entry) => entry?.text() ?? "nothing"));
  expect(texts.size).toBe(1);
  return [...texts][0]!;
}

describe("a retract", () => {
  test("that is the best found resets the bound over three tables", async () => {
    // The youngest table is asked first; what it shows lets the others be skipped until the retract undoes it.
    const store = tables([put(10, 1), put(30, 2)], [put(50, 3)], [put(20, 4), retract(50, 9)]);
    expect(await read(store.reader(9))).toBe("30#2");
    expect(await read(store.reader(9), 50)).toBe("30#2");
    expect(await read(store.reader(9), 29)).toBe("20#4");
    expect(await read(store.reader(8))).toBe("50#3");
    store.close();
  });

  test("after a retract after a retract leads further down each time", async () => {
    const store = tables(
      [put(10, 1)],
      [put(20, 2), retract(20, 12)],
      [put(30, 3), retract(30, 11)],
      [put(40, 4), retract(40, 10)],
    );
    const at = async (seq: number) => await read(store.reader(seq));
    expect([await at(12), await at(11), await at(10), await at(9)]).toEqual(["10#1", "20#2", "30#3", "40#4"]);
    store.close();
  });

  test("of the oldest timestamp there is leaves nothing", async () => {
    const store = tables([put(0, 1)], [retract(0, 2)]);
    expect(await read(store.reader(2))).toBe("nothing");
    expect(await read(store.reader(1))).toBe("0#1");
    store.close();
  });

  test("shows the tombstone below it, and what is below a retracted tombstone", async () => {
    const store = tables([put(10, 1), del(20, 2)], [put(30, 3)], [retract(30, 4)]);
    expect(await read(store.reader(4))).toBe("nothing");
    store.addTable(0, [retract(20, 5)]);
    expect(await read(store.reader(5))).toBe("10#1");
    store.close();
  });

  test("hides only lower seqs: a later write at its timestamp stays, whichever table holds it", async () => {
    for (const order of [
      [[put(50, 1)], [retract(50, 2)], [put(50, 3)]],
      [[put(50, 3), put(50, 1)], [retract(50, 2)]],
      [[retract(50, 2), put(50, 3)], [put(50, 1)]],
    ]) {
      const store = tables([put(10, 4)], ...order);
      expect(await read(store.reader(4))).toBe("50#3");
      store.close();
    }
  });

  test("in memory hides what lies in a table, and the other way round", async () => {
    const above = tables([put(10, 1), put(50, 2)]);
    above.addMemtable([retract(50, 3)]);
    expect(await read(above.reader(3))).toBe("10#1");
    above.close();
    const below = tables([retract(50, 3)]);
    below.addMemtable([put(10, 1), put(50, 2)]);
    expect(await read(below.reader(3))).toBe("10#1");
    below.close();
  });

  test("is not listed by history, nor is what it hides", async () => {
    const store = tables([put(10, 1), put(50, 2)], [retract(50, 3)], [del(30, 4)]);
    for (const reverse of [false, true]) {
      const found = (await store.reader(4).history(KEY, { reverse }).toArray()).map(({ timestamp }) => timestamp);
      expect(found).toEqual(reverse ? [10, 30] : [30, 10]);
    }
    store.close();
  });
});
