import { compareBytes, concatBytes, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, randomKey, read, type Subject, uniqueKey } from "./subject.ts";

/** Keys that URLs, paths, terminals, number parsers or text decoders would treat as something else. */
const awkward: readonly string[] = [
  ".",
  "..",
  "./a",
  "../..",
  "%",
  "%ff",
  "%2F",
  "%00",
  "a/b",
  "/",
  "//",
  "/a/",
  "?",
  "a?b=c",
  "#",
  "a#b",
  "&",
  "=",
  "+",
  " ",
  "  a b  ",
  "\t",
  "\n",
  "\r\n",
  "\0",
  "a\0b",
  "\u007f",
  '"',
  "'",
  "\\",
  "<script>",
  ":",
  ";",
  ",",
  "-x",
  "--",
  "007",
  "1e3",
  "0x10",
  "true",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "versions",
  "k/versions/5",
  "é",
  "e\u0301",
  "\u00a0",
  "\u2028",
  "\uFEFFbom",
  "bom\uFEFF",
  "\uFFFD",
  "\uFFFF",
  "🦊",
  "👩‍👩‍👧‍👦",
  "x".repeat(255),
  "x".repeat(256),
  "x".repeat(10_000),
];

export function keyTests(subject: Subject): void {
  test("awkward strings are keys like any others, on every call", async () => {
    await using fresh = await subject.fresh();
    const { store } = fresh;
    for (const [i, key] of awkward.entries()) await store.put(key, `value ${i}`, { timestamp: 100 + i });
    for (const [i, key] of awkward.entries()) {
      expect(await store.get(key)).toMatchObject({ key, timestamp: 100 + i });
      expect(await read(store, key, 100 + i)).toBe(`value ${i}`);
      expect(await read(store, key, 99 + i)).toBeUndefined();
      expect(await store.history(key).toArray()).toMatchObject([{ key, timestamp: 100 + i }]);
      expect((await store.scan({ prefix: key }).toArray()).map((entry) => entry.key)).toContain(key);
      expect((await store.scan({ start: key }, { limit: 1 }).toArray()).map((entry) => entry.key)).toEqual([key]);
    }
    const inOrder = [...awkward].sort((a, b) => compareBytes(utf8(a), utf8(b)));
    expect((await store.scan().toArray()).map(({ key }) => key)).toEqual(inOrder);
    expect((await store.getMany(awkward)).map((entry) => entry?.key)).toEqual(awkward);
    await store.write(awkward.map((key) => ({ op: "delete", key })));
    expect(await store.scan().toArray()).toEqual([]);
  });

  test("keys of any bytes, from one to 65,535, are told apart and kept in byte order", async () => {
    await using fresh = await subject.fresh();
    const { bytes } = fresh;
    const keys = [
      Uint8Array.of(0),
      Uint8Array.of(0, 0),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0x7f),
      Uint8Array.of(0x80),
      Uint8Array.of(0xff),
      Uint8Array.of(0xff, 0),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff),
      ...[3, 4, 5, 255, 256, 257, 4096, 65_534, 65_535].map(randomKey),
    ];
    for (const [i, key] of keys.entries()) await bytes.put(key, String(i), { timestamp: 1 });
    for (const [i, key] of keys.entries()) {
      const entry = await bytes.get(key);
      expect([entry?.text(), compareBytes(entry!.key, key)]).toEqual([String(i), 0]);
      expect((await bytes.history(key).toArray()).map((version) => compareBytes(version.key, key))).toEqual([0]);
    }
    const scanned = await bytes.scan().toArray();
    expect(scanned.map((entry) => Number(entry.text()))).toEqual(
      keys.map((_, i) => i).sort((a, b) => compareBytes(keys[a]!, keys[b]!)),
    );
    const reversed = await bytes.scan({}, { reverse: true }).toArray();
    expect(reversed.map(({ seq }) => seq)).toEqual(scanned.map(({ seq }) => seq).reverse());
    await bytes.delete(keys.at(-1)!);
    expect(await bytes.get(keys.at(-1)!)).toBeUndefined();
    expect((await bytes.get(keys.at(-2)!))?.text()).toBe(String(keys.length - 2));
  });

  test.each([8, 256, 65_000])(
    "keys that share their first %i bytes are told apart and kept in order",
    async (length) => {
      const { bytes } = subject.shared;
      const name = utf8(uniqueKey());
      const common = concatBytes([name, randomKey(length)]).subarray(0, Math.max(length, name.length));
      const ends = ["", "\0", "\0\0", "\x01", "a", "aa", "b", "ÿ", "🦊"].map(utf8);
      const keys = ends.map((end) => concatBytes([common, end]));
      for (const i of [4, 0, 8, 2, 6, 1, 7, 3, 5]) await bytes.put(keys[i]!, String(i), { timestamp: 1 });
      for (const [i, key] of keys.entries()) expect((await bytes.get(key))?.text()).toBe(String(i));
      const texts = (await bytes.scan({ prefix: common }).toArray()).map((entry) => entry.text());
      expect(texts).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
      const middle = await bytes.scan({ start: keys[2]!, end: keys[5]! }, { reverse: true }).toArray();
      expect(middle.map((entry) => entry.text())).toEqual(["4", "3", "2"]);
      expect(await bytes.get(concatBytes([common, utf8("c")]))).toBeUndefined();
    },
  );

  test("strings order by their UTF-8 bytes, not by UTF-16", async () => {
    const { store } = subject.shared;
    const prefix = uniqueKey();
    const keys = ["\uFFFD", "🦊", "z", "é", "\uD7FF", "\uE000"].map((end) => prefix + end);
    for (const key of keys) await store.put(key, "");
    const inOrder = ["z", "é", "\uD7FF", "\uE000", "\uFFFD", "🦊"].map((end) => prefix + end);
    expect((await store.scan({ prefix }).toArray()).map(({ key }) => key)).toEqual(inOrder);
  });

  test("a string and its UTF-8 bytes are one key, whichever view writes or reads it", async () => {
    const { store, bytes } = subject.shared;
    const key = `${uniqueKey()}é`;
    await bytes.put(utf8(key), "a", { timestamp: 1 });
    await store.put(key, "b", { timestamp: 2 });
    expect((await store.get(utf8(key)))?.key).toBe(key);
    expect((await bytes.get(key))?.key).toEqual(utf8(key));
    expect(await store.history(key).toArray()).toHaveLength(2);
    expect((await store.with({ keys: "bytes" }).get(key))?.key).toEqual(utf8(key));
    expect((await bytes.with({ keys: "string" }).get(key))?.key).toBe(key);
  });

  test("a key that is no UTF-8 is refused as a string, in words, and readable as bytes", async () => {
    await using fresh = await subject.fresh();
    const { store, bytes } = fresh;
    const key = Uint8Array.of(0x61, 0xff);
    await store.put(key, "v");
    await fails(() => store.get(key), "INVALID_ARGUMENT");
    await expect(store.get(key)).rejects.toThrow(/bytes/);
    await fails(() => store.getMany(["a", key]), "INVALID_ARGUMENT");
    await fails(() => store.scan().toArray(), "INVALID_ARGUMENT");
    await fails(() => store.history(key).toArray(), "INVALID_ARGUMENT");
    expect((await bytes.get(key))?.text()).toBe("v");
    expect((await bytes.scan().toArray()).map((entry) => [...entry.key])).toEqual([[0x61, 0xff]]);
    await store.delete(key);
    expect(await store.scan().toArray()).toEqual([]);
  });
}
