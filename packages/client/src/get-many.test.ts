import { KvtsError, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { getMany } from "./get-many.ts";
import type { BatchGetRequest, WirePage, WireVersion } from "./wire.ts";

const keysOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => utf8(`k${i}`));
const newest = 77;

/** A server that answers each key with itself, `itemsMax` a page, at the seq asked or 77. */
function echo(itemsMax = 1000) {
  const asked: BatchGetRequest[] = [];
  const fetch = async (request: BatchGetRequest): Promise<WirePage<WireVersion | undefined>> => {
    asked.push(request);
    const start = Number(request.pageToken);
    const keys = request.keys.slice(start, start + itemsMax);
    const end = start + keys.length;
    const seq = request.atSeq ?? newest;
    return {
      items: keys.map((key) => ({ key, value: key, timestamp: 1, seq, expiresAt: undefined })),
      nextPageToken: end < request.keys.length ? String(end) : "",
      seq,
    };
  };
  return { asked, fetch };
}

describe("getMany", () => {
  test.each([0, 1, 999, 1000, 1001, 3500])("answers %i keys once each, in order", async (count) => {
    const { asked, fetch } = echo(400);
    const keys = keysOf(count);
    expect((await getMany(keys, { asOf: 5, snapshot: undefined }, fetch)).map((version) => version?.key)).toEqual(keys);
    expect(asked.every(({ asOf }) => asOf === 5)).toBe(true);
    expect(Math.max(0, ...asked.map((request) => request.keys.length))).toBeLessThanOrEqual(1000);
  });

  test("reads all chunks at the seq of the first", async () => {
    const { asked, fetch } = echo();
    await getMany(keysOf(2500), { asOf: undefined, snapshot: undefined }, fetch);
    expect(asked.map(({ atSeq, keys }) => [atSeq, keys.length])).toEqual([
      [undefined, 1000],
      [newest, 1000],
      [newest, 500],
    ]);
  });

  test("repeats a chunk's arguments exactly from page to page", async () => {
    const { asked, fetch } = echo(600);
    await getMany(keysOf(1200), { asOf: undefined, snapshot: undefined }, fetch);
    expect(asked.map(({ atSeq, pageToken, keys }) => [atSeq, pageToken, keys.length])).toEqual([
      [undefined, "", 1000],
      [undefined, "600", 1000],
      [newest, "", 200],
    ]);
  });

  test("keeps requests of long keys small", async () => {
    const { asked, fetch } = echo();
    const keys = Array.from({ length: 40 }, (_, i) => new Uint8Array(65_000).fill(i));
    expect(await getMany(keys, { asOf: undefined, snapshot: undefined }, fetch)).toHaveLength(40);
    expect(asked.map((request) => request.keys.length)).toEqual([16, 16, 8]);
  });

  test("begins anew when the seq was compacted away between two chunks", async () => {
    const { asked, fetch } = echo();
    let expiries = 2;
    const found = await getMany(keysOf(1500), { asOf: undefined, snapshot: undefined }, async (request) => {
      if (request.atSeq !== undefined && expiries-- > 0) throw new KvtsError("CURSOR_EXPIRED", "gone");
      return fetch(request);
    });
    expect(found).toHaveLength(1500);
    expect(asked.map(({ atSeq }) => atSeq)).toEqual([undefined, undefined, undefined, newest]);
  });

  test("gives up when that happens every time", async () => {
    const { asked, fetch } = echo();
    const reading = getMany(keysOf(1500), { asOf: undefined, snapshot: undefined }, async (request) => {
      if (request.atSeq !== undefined) throw new KvtsError("CURSOR_EXPIRED", "gone");
      return fetch(request);
    });
    await expect(reading).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
    expect(asked).toHaveLength(4);
  });

  test("other errors pass at once", async () => {
    const { fetch } = echo();
    let calls = 0;
    const reading = getMany(keysOf(1500), { asOf: undefined, snapshot: undefined }, async (request) => {
      if (++calls === 2) throw new KvtsError("HISTORY_TRIMMED", "gone");
      return fetch(request);
    });
    await expect(reading).rejects.toMatchObject({ code: "HISTORY_TRIMMED" });
    expect(calls).toBe(2);
  });

  test.each<[string, Partial<WirePage<undefined>>]>([
    ["too few answers", { items: [undefined] }],
    ["too many answers", { items: [undefined, undefined, undefined] }],
    ["a page without answers", { items: [], nextPageToken: "x" }],
    ["all answers and more to come", { items: [undefined, undefined], nextPageToken: "x" }],
  ])("refuses %s", async (_, page) => {
    const answer = { items: [], nextPageToken: "", seq: 1, ...page };
    await expect(
      getMany(keysOf(2), { asOf: undefined, snapshot: undefined }, async () => answer),
    ).rejects.toMatchObject({ code: "INTERNAL" });
  });
});
