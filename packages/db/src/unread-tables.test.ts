import { describe, expect, test } from "vitest";
import { parseFileName } from "./format/filenames.ts";
import { FOOTER_BYTES } from "./table/footer.ts";
import { KIND_FILTER, KIND_INDEX, KIND_PROPERTIES } from "./table/format.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { tableParts } from "./testing/table-parts.ts";
import type { TestStore } from "./testing/test-store.ts";

/** Two tables of level 0 whose keys do not overlap, closed in order: a1 to a9 and b1 to b9. */
async function closed(): Promise<TestStore> {
  const store = await openPlainStore();
  for (const letter of ["a", "b"]) {
    for (let i = 1; i <= 9; i++) await store.db.put(`${letter}${i}`, String(i), { timestamp: i * 1_000 });
    await store.db.flush();
  }
  await store.close();
  return store;
}

type Budget = { readonly indexes: { readonly bytes: number } };

const indexBytes = async ({ db }: TestStore) => ((await db.stats()).budget as unknown as Budget).indexes.bytes;

const filesOf = (store: TestStore) => store.fileSystem as MemoryFileSystem;

function tablePaths(store: TestStore): string[] {
  const names = filesOf(store).list("d");
  return names.filter((name) => parseFileName(name)?.kind === "table").map((name) => `d/${name}`);
}

/** Flips a bit in the middle of a table's section; returns where that begins. */
function damage(store: TestStore, path: string, kind: number): number {
  const bytes = filesOf(store).contents(path);
  const part = tableParts(bytes).find((each) => each.kind === kind)!;
  bytes[part.offset + (part.length >> 1)]! ^= 4;
  filesOf(store).replace(path, bytes);
  return part.offset;
}

describe("a store that is opened", () => {
  test("reads of its tables the footers, and the rest of one when a read needs it", async () => {
    const store = await closed();
    await store.open();
    expect(await indexBytes(store)).toBe(0);
    expect(store.db.getSync("a1")).toMatchObject({ timestamp: 1_000 });
    const ofOne = await indexBytes(store);
    expect(ofOne).toBeGreaterThan(0);
    expect(await store.db.get("b1")).toMatchObject({ timestamp: 1_000 });
    expect(await indexBytes(store)).toBeGreaterThan(ofOne);
    await store.close();
  });

  test("is refused where a footer is damaged, and leaves no file open", async () => {
    const store = await closed();
    const [path] = tablePaths(store);
    const bytes = filesOf(store).contents(path!);
    bytes[bytes.length - FOOTER_BYTES]! ^= 1;
    filesOf(store).replace(path!, bytes);
    const details = { file: path, offset: bytes.length - FOOTER_BYTES };
    await expect(store.open()).rejects.toMatchObject({ code: "CORRUPTION", details });
    expect(filesOf(store).openPaths).toEqual([]);
  });

  describe.each([
    ["filter", KIND_FILTER],
    ["index", KIND_INDEX],
    ["properties", KIND_PROPERTIES],
  ])("with a damaged %s", (_, kind) => {
    test("reads everything else, and says which file is damaged where", async () => {
      const store = await closed();
      const [path] = tablePaths(store);
      const corruption = { code: "CORRUPTION", details: { file: path, offset: damage(store, path!, kind) } };
      await store.open();
      for (let again = 0; again < 2; again++) {
        await expect(store.db.get("a1")).rejects.toMatchObject(corruption);
        expect(() => store.db.getSync("a1")).toThrow(expect.objectContaining(corruption));
        await expect(store.db.scan({}).toArray()).rejects.toMatchObject(corruption);
        await expect(store.db.history("a1").toArray()).rejects.toMatchObject(corruption);
        expect(() => [...store.db.history("a1")]).toThrow(expect.objectContaining(corruption));
        expect(await store.db.history("a1", { from: 10_000 }).toArray()).toEqual([]);
        expect(await store.db.get("b1")).toMatchObject({ timestamp: 1_000 });
        expect(store.db.getSync("b2")).toMatchObject({ timestamp: 2_000 });
      }
      await expect(store.db.compact()).rejects.toMatchObject(corruption);
      await store.db.put("c", "1");
      await store.close();
      expect(filesOf(store).openPaths).toEqual([]);
    });
  });

  test("does not take one table for another", async () => {
    const store = await closed();
    const [a, b] = tablePaths(store);
    const theirs = filesOf(store).contents(b!);
    expect(filesOf(store).contents(a!)).toHaveLength(theirs.length);
    filesOf(store).replace(a!, theirs);
    await store.open();
    await expect(store.db.get("a1")).rejects.toMatchObject({ code: "CORRUPTION", details: { file: a } });
    await store.close();
  });

  test("cuts tables of which nothing has been read", async () => {
    const store = await closed();
    await store.open();
    await store.db.compact();
    await store.close();
    await store.open();
    const { horizon } = await store.db.setRetention("", 1);
    expect(horizon).toBeGreaterThan(9_000);
    await store.db.compact();
    expect(store.db.getSync("a9")).toMatchObject({ timestamp: 9_000 });
    await store.close();
  });

  test("erases from tables of which nothing has been read", async () => {
    const store = await closed();
    await store.open();
    await store.db.erase({ prefix: "a" });
    expect(store.db.getSync("a1")).toBeUndefined();
    expect(store.db.getSync("b1")).toMatchObject({ timestamp: 1_000 });
    await store.close();
  });
});
