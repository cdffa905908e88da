import { describe, expect, test } from "vitest";
import { clearOrphans, type NeededFiles } from "./orphans.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

const NEEDED: NeededFiles = {
  manifest: 20,
  tables: new Set([5, 21]),
  logs: new Set([8, 22]),
  requestFiles: new Set([10]),
  markFiles: new Set([12]),
  firstUnknownNumber: 100,
  manifestWasTorn: false,
  keepsBelow: 0,
};

/** The names left of `names`, those set aside with lost/ before them. */
async function cleared(names: readonly string[], needed: Partial<NeededFiles> = {}): Promise<string[]> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("d");
  for (const name of names) fileSystem.replace(`d/${name}`, Uint8Array.of(1));
  const setAside = await clearOrphans(fileSystem, "d", { ...NEEDED, ...needed });
  const lost = fileSystem.list("d/lost");
  expect(lost).toEqual(setAside);
  // Nothing of it is undone by a power cut.
  expect(fileSystem.crash(() => false).list("d/lost")).toEqual(lost);
  const left = fileSystem.list("d").filter((name) => name !== "lost");
  return [...left, ...lost.map((name) => `lost/${name}`)];
}

describe("of the files in a store's directory", () => {
  test("those that are needed stay, and those of others", async () => {
    const names = [
      "000005.sst",
      "000008.log",
      "000010.ids",
      "000022.log",
      "CURRENT",
      "LOCK",
      "MANIFEST-000020",
      "notes.txt",
    ];
    expect(await cleared(names)).toEqual(names);
  });

  test("what a crash left behind goes", async () => {
    const names = [
      "000006.sst",
      "000007.log",
      "000009.ids",
      "000023.log",
      "000024.spare",
      "000025.tmp",
      "MANIFEST-000019",
    ];
    expect(await cleared([...names, "MANIFEST-000120", "000101.spare"])).toEqual([]);
  });

  test("a table that goes is not brought back by a power cut", async () => {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory("d");
    for (const name of ["000005.sst", "000006.sst"]) fileSystem.replace(`d/${name}`, Uint8Array.of(1));
    await clearOrphans(fileSystem, "d", NEEDED);
    expect(fileSystem.crash(() => false).list("d")).toEqual(["000005.sst"]);
  });

  test("a table that is newer than the manifest is set aside", async () => {
    expect(await cleared(["000099.sst", "000100.sst", "000101.log"])).toEqual(["lost/000100.sst"]);
  });

  test("any unknown table is set aside where the manifest had lost its end", async () => {
    const names = ["000005.sst", "000006.sst", "000101.sst"];
    expect(await cleared(names, { manifestWasTorn: true })).toEqual([
      "000005.sst",
      "lost/000006.sst",
      "lost/000101.sst",
    ]);
  });

  test("what a repair was setting aside is set aside", async () => {
    const names = ["000006.sst", "000007.log", "000030.log", "000009.spare", "MANIFEST-000019"];
    expect(await cleared(names, { keepsBelow: 20 })).toEqual([
      "lost/000006.sst",
      "lost/000007.log",
      "lost/MANIFEST-000019",
    ]);
  });
});
