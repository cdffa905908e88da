import { describe, expect, test } from "vitest";
import { holdsStore, requireStore } from "./store-finder.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";

function directory(...names: string[]): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("d");
  for (const name of names) fileSystem.replace(`d/${name}`, Uint8Array.of(1));
  return fileSystem;
}

describe("a directory", () => {
  test.each([
    ["with CURRENT is a store", ["CURRENT"], true],
    ["with CURRENT and files of others too", ["CURRENT", "notes.txt", "000001.sst"], true],
    ["without anything may become one", [], false],
    ["where the making of a store was cut short may become one", ["LOCK", "MANIFEST-000001", "000002.tmp"], false],
  ])("%s", (_, names, expected) => {
    expect(holdsStore(directory(...names), "d", true)).toBe(expected);
  });

  test("that is missing may become one", () => {
    expect(holdsStore(new MemoryFileSystem(), "d", true)).toBe(false);
  });

  test.each([
    ["with something else is refused, and told what", ["photo.jpg"], "INVALID_ARGUMENT", '(it holds "photo.jpg")'],
    ["with tables and no CURRENT is damaged", ["000001.sst"], "CORRUPTION", "d/CURRENT"],
    ["with logs and no CURRENT is damaged", ["LOCK", "000001.log"], "CORRUPTION", "d/CURRENT"],
    [
      "where a checkpoint was cut short is no store, whatever else is there",
      ["CURRENT", "INCOMPLETE", "000001.sst"],
      "INVALID_ARGUMENT",
      "d holds a checkpoint that was never finished; remove the directory",
    ],
  ])("%s", (_, names, code, sentence) => {
    expect(() => holdsStore(directory(...names), "d", true)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(sentence) }),
    );
  });

  test("without a store is refused where none is to be made", () => {
    expect(() => holdsStore(directory(), "d", false)).toThrow("there is no store in d");
    expect(() => holdsStore(new MemoryFileSystem(), "d", false)).toThrow("there is no store in d");
    expect(holdsStore(directory("CURRENT"), "d", false)).toBe(true);
  });

  test("is left as it is", () => {
    const fileSystem = directory("photo.jpg");
    fileSystem.onCall = ({ kind }) => expect.unreachable(kind);
    expect(() => holdsStore(fileSystem, "d", true)).toThrow("photo.jpg");
  });

  test("has something to repair where any file of a store is left", () => {
    for (const name of ["CURRENT", "MANIFEST-000001", "000001.sst", "000001.log"]) {
      expect(() => requireStore(directory(name), "d")).not.toThrow();
    }
    expect(() => requireStore(directory("LOCK", "000002.tmp"), "d")).toThrow("there is no store in d");
    expect(() => requireStore(directory("photo.jpg"), "d")).toThrow("photo.jpg");
    expect(() => requireStore(directory("CURRENT", "INCOMPLETE"), "d")).toThrow("never finished");
  });
});
