import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import type { RequestRecord } from "./request-record.ts";
import { RequestTable } from "./request-table.ts";

function record(idHigh: number, seq: number, moment = seq): RequestRecord {
  return {
    idHigh,
    idLow: idHigh ^ 5,
    fingerprintHigh: -seq,
    fingerprintLow: seq,
    timestamp: seq * 2 ** 20,
    seq,
    moment,
  };
}

describe("a table of request ids", () => {
  test("finds the newest of an id, and grows up to its count", () => {
    const table = new RequestTable(4096);
    const bytes = table.bytes;
    for (let seq = 1; seq <= 4096; seq++) table.add(record(seq % 1000, seq));
    expect(table.count).toBe(4096);
    expect(table.bytes).toBe(bytes * 4);
    expect(table.find(96, 96 ^ 5)).toEqual(record(96, 4096));
    expect(table.find(97, 97 ^ 5)).toEqual(record(97, 3097));
    expect(table.find(97, 97)).toBeUndefined();
  });

  test("forgets the oldest for each that comes beyond its count", () => {
    const table = new RequestTable(1024);
    for (let seq = 1; seq <= 3000; seq++) table.add(record(seq * 7919, seq));
    expect([table.count, table.first, table.end]).toEqual([1024, 1976, 3000]);
    expect(table.find(1976 * 7919, (1976 * 7919) ^ 5)).toBeUndefined();
    expect(table.find(1977 * 7919, (1977 * 7919) ^ 5)?.seq).toBe(1977);
    expect(table.seqOf(table.first)).toBe(1977);
  });

  test("forgets what is too old, from the oldest on", () => {
    const table = new RequestTable(1024);
    for (const [seq, moment] of [10, 30, 20, 40].entries()) table.add(record(seq + 1, seq + 1, moment));
    table.forgetBefore(25);
    // The third came behind one that stays.
    expect([1, 2, 3, 4].map((id) => table.find(id, id ^ 5)?.seq)).toEqual([undefined, 2, 3, 4]);
    table.forgetBefore(100);
    expect(table.count).toBe(0);
  });

  test.each([1, 2, 3])("answers as a map does, whatever comes and goes (seed %i)", (seed) => {
    const random = new Random(seed);
    const table = new RequestTable(2048);
    let kept: RequestRecord[] = [];
    for (let seq = 1; seq < 6000; seq++) {
      // Ids that share their bucket are common.
      const added = record(random.below(300) * 4096 + random.below(3), seq);
      table.add(added);
      kept.push(added);
      if (kept.length > 2048) kept.shift();
      if (random.chance(0.001)) {
        const before = seq - random.below(2000);
        table.forgetBefore(before);
        kept = kept.filter(({ moment }) => moment >= before);
      }
      const asked = random.chance(0.5) ? added : record(random.below(300) * 4096, 0);
      const expected = kept.findLast(({ idHigh }) => idHigh === asked.idHigh);
      if (seq % 7 === 0) expect(table.find(asked.idHigh, asked.idLow)).toEqual(expected);
    }
    expect(table.count).toBe(kept.length);
  });
});
