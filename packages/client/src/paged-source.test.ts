import { makeEntries } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { pagedSource } from "./paged-source.ts";
import type { PageRequest, WirePage } from "./wire.ts";

/** A server of the numbers below `total`, at most `itemsMax` a page; and what it was asked. */
function numbers(total: number, itemsMax = 1000) {
  const asked: PageRequest[] = [];
  const fetch = async (request: PageRequest): Promise<WirePage<number>> => {
    asked.push(request);
    const start = request.pageToken === "" ? 0 : Number(request.pageToken);
    const end = Math.min(total, start + Math.min(request.pageSize, itemsMax));
    const items = Array.from({ length: end - start }, (_, i) => start + i);
    return { items, nextPageToken: end < total ? String(end) : "", seq: 1 };
  };
  return { asked, fetch };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const all = Number.POSITIVE_INFINITY;

describe("a sequence of pages", () => {
  test.each([
    [0, 1000],
    [1, 1000],
    [1000, 1000],
    [1001, 1000],
    [5000, 1000],
    [50, 1],
    [700, 7],
  ])("of %i items, %i a page, has every item once", async (total, itemsMax) => {
    const { asked, fetch } = numbers(total, itemsMax);
    expect(await makeEntries(pagedSource(fetch, all)).toArray()).toEqual(upTo(total));
    expect(asked.length).toBeGreaterThanOrEqual(Math.max(1, Math.ceil(total / itemsMax)));
  });

  test.each([1, 9, 10, 11, 999, 1000, 1001, 2500])("ends after %i items when that is the limit", async (limit) => {
    const { asked, fetch } = numbers(3000, 10);
    expect(await makeEntries(pagedSource(fetch, limit)).toArray()).toEqual(upTo(limit));
    expect(asked.length).toBe(Math.ceil(limit / 10));
  });

  test("never asks for more than the limit leaves", async () => {
    const { asked, fetch } = numbers(3000);
    await makeEntries(pagedSource(fetch, 1300)).toArray();
    expect(asked.map(({ pageSize }) => pageSize)).toEqual([256, 1000, 44]);
  });

  test("begins with what is wanted and then asks for more and more", async () => {
    const { asked, fetch } = numbers(10_000);
    const entries = makeEntries(pagedSource(fetch, all));
    for (const count of [5, 3, 40, 400, 2000]) expect(await entries.nextv(count)).toHaveLength(count);
    await entries.close();
    expect(asked.map(({ pageSize }) => pageSize)).toEqual([5, 20, 80, 343, 1000, 1000]);
  });

  test("fetches nothing before the first read, and nothing that is not read", async () => {
    const { asked, fetch } = numbers(10_000, 10);
    const entries = makeEntries(pagedSource(fetch, all));
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual([]);
    for await (const item of entries) if (item === 14) break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(2);
    expect(await entries.nextv(1)).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  test("goes on behind pages that are short, or empty", async () => {
    const { asked, fetch } = numbers(50);
    const slow = async (request: PageRequest): Promise<WirePage<number>> => {
      const { pageToken } = request;
      if (!pageToken.startsWith("+")) return { items: [], nextPageToken: `+${pageToken}`, seq: 1 };
      return await fetch({ pageSize: Math.min(3, request.pageSize), pageToken: pageToken.slice(1) });
    };
    expect(await makeEntries(pagedSource(slow, all)).toArray()).toEqual(upTo(50));
    expect(asked).toHaveLength(17);
  });

  test("asks for no further empty page once it is closed", async () => {
    let asked = 0;
    const fetch = async (): Promise<WirePage<number>> => {
      await new Promise((resolve) => setImmediate(resolve));
      return { items: [], nextPageToken: String(++asked), seq: 1 };
    };
    const entries = makeEntries(pagedSource(fetch, all));
    const reading = entries.nextv(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await entries.close();
    expect(await reading).toEqual([]);
    const before = asked;
    expect(before).toBeGreaterThan(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBe(before);
  });

  test.each([
    ["more items than asked", { items: [1, 2, 3], nextPageToken: "", seq: 1 }],
    ["pages that do not get on", { items: [], nextPageToken: "x", seq: 1 }],
  ])("refuses %s", async (_, page) => {
    const entries = makeEntries(pagedSource(async () => page, 2));
    await expect(entries.toArray()).rejects.toMatchObject({ code: "INTERNAL" });
  });
});
