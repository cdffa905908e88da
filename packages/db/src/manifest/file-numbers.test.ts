import { describe, expect, test } from "vitest";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { loadManifest } from "./state.ts";
import { Version } from "./version.ts";
import { VersionSet } from "./version-set.ts";

const NUMBERS = {
  incarnation: "00112233445566778899aabbccddeeff",
  nextFileNumber: 1,
  logNumber: 0,
  seqCeiling: 0,
  timestampCeiling: 0,
  seqFloor: 0,
};

async function started(): Promise<{ fileSystem: MemoryFileSystem; set: VersionSet<string> }> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("d");
  const options = { fileSystem, directory: "d", manifestBytesMax: 1 << 20 };
  return { fileSystem, set: await VersionSet.start(options, NUMBERS, Version.of<string>([])) };
}

describe("file numbers that are reserved", () => {
  test("are known to the manifest on disk, and given out once", async () => {
    const { fileSystem, set } = await started();
    const first = await set.reserveFileNumbers(5000);
    expect(await set.reserveFileNumbers(10)).toBe(first + 5000);
    expect(set.takeFileNumbers()).toBe(first + 5010);
    expect(
      loadManifest(
        fileSystem.crash(() => false),
        "d",
      )!.numbers.nextFileNumber,
    ).toBeGreaterThan(first + 5010);
  });

  test("cost no write where the manifest has numbers to spare", async () => {
    const { fileSystem, set } = await started();
    let calls = 0;
    fileSystem.onCall = () => calls++;
    await set.reserveFileNumbers(10);
    expect(calls).toBe(0);
  });

  test("by several at a time leave a manifest that can be read: an edit that says nothing is none", async () => {
    const { fileSystem, set } = await started();
    await Promise.all([set.reserveFileNumbers(2000), set.reserveFileNumbers(2000), set.reserveFileNumbers(2000)]);
    await set.logAndApply({});
    await set.logAndApply({ logNumber: 7 });
    expect(loadManifest(fileSystem, "d")!.numbers).toEqual(set.numbers);
  });
});
