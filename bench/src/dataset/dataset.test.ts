import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Dataset, loadOrders } from "./dataset.ts";
import { isTagged } from "./value.ts";

const dataset = new Dataset({ keys: 1000, versions: 10, valueBytes: 100, order: "random" });
const indexes = Array.from({ length: dataset.keys }, (_, index) => index);

describe("keys", () => {
  it("have 16 to 24 bytes, every length of them", () => {
    const lengths = new Set(indexes.map((index) => Buffer.byteLength(dataset.key(index))));
    expect([...lengths].sort()).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24]);
  });

  it("are in the order of their indexes", () => {
    for (const index of indexes.slice(1)) expect(dataset.key(index) > dataset.key(index - 1)).toBe(true);
  });

  it("that are absent lie between stored ones", () => {
    for (const index of indexes.slice(1)) {
      const absent = dataset.absentKey(index - 1);
      expect(absent > dataset.key(index - 1) && absent < dataset.key(index)).toBe(true);
    }
  });
});

describe("versions", () => {
  it("hold from their timestamp to the next", () => {
    for (const index of indexes) {
      for (let version = 0; version < dataset.versions; version++) {
        const from = dataset.timestamp(index, version);
        expect(dataset.versionAt(index, from)).toBe(version);
        expect(dataset.versionAt(index, from - 1)).toBe(version - 1);
      }
    }
  });

  it("leave 93 of 98 keys visible at a random moment", () => {
    let visible = 0;
    for (const index of indexes) if (dataset.versionAt(index, dataset.moment(index * 4_294_967)) >= 0) visible++;
    expect(visible / indexes.length).toBeCloseTo(93 / 98, 1);
  });
});

describe("the order of loading", () => {
  const placeName = (order: Dataset) => (place: number) => {
    const { index, version } = order.loaded(place);
    return index * 10 + version;
  };
  const places = Array.from({ length: dataset.entries }, (_, place) => place);

  it.each(loadOrders)("%s visits every entry once", (order) => {
    const ordered = new Dataset({ keys: 1000, versions: 10, valueBytes: 100, order });
    expect(new Set(places.map(placeName(ordered))).size).toBe(dataset.entries);
  });

  it("late differs from time in a tenth of the entries, which come from anywhere", () => {
    const byTime = placeName(new Dataset({ keys: 1000, versions: 10, valueBytes: 100, order: "time" }));
    const late = placeName(new Dataset({ keys: 1000, versions: 10, valueBytes: 100, order: "late" }));
    const moved = places.filter((place) => byTime(place) !== late(place));
    expect(moved.length).toBeGreaterThan(dataset.entries / 11);
    expect(moved.every((place) => place % 10 === 0)).toBe(true);
  });

  it("by keys has all versions of a key before the next", () => {
    const byKeys = placeName(new Dataset({ keys: 1000, versions: 10, valueBytes: 100, order: "keys" }));
    expect(places.map(byKeys)).toEqual(places);
  });

  it("by time has a version of every key before the next of any", () => {
    const byTime = new Dataset({ keys: 1000, versions: 10, valueBytes: 100, order: "time" });
    expect(places.every((place) => byTime.loaded(place).version === Math.floor(place / 1000))).toBe(true);
  });
});

describe("values", () => {
  const all = Buffer.concat(indexes.map((index) => dataset.value(index, index % 10)));

  it("are as long as asked for, and tagged", () => {
    for (const valueBytes of [8, 10, 17, 100, 1000]) {
      const sized = new Dataset({ keys: 10, versions: 2, valueBytes, order: "random" });
      expect(sized.value(3, 1)).toHaveLength(valueBytes);
      expect(isTagged(sized.value(3, 1), 3, 1)).toBe(true);
      expect(isTagged(sized.value(3, 1), 3, 0)).toBe(false);
    }
  });

  it("are half compressible", () => {
    const share = deflateRawSync(all).length / all.length;
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.65);
  });

  it("are the same every time", () => {
    expect(dataset.value(5, 3)).toEqual(dataset.value(5, 3));
    expect(dataset.value(5, 3)).not.toEqual(dataset.value(5, 4));
  });
});
