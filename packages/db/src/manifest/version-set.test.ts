import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { FileSystem } from "../env/file-system.ts";
import { manifestFileName } from "../format/filenames.ts";
import { FaultFileSystem } from "../testing/fault-file-system.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { randomMeta, testMeta, testTable } from "../testing/test-tables.ts";
import { loadManifest } from "./state.ts";
import type { TableFile } from "./table-file.ts";
import { Version } from "./version.ts";
import type { VersionEdit } from "./version-edit.ts";
import { type StoreNumbers, VersionSet } from "./version-set.ts";

const numbers: StoreNumbers = {
  incarnation: "00112233445566778899aabbccddeeff",
  nextFileNumber: 1,
  logNumber: 0,
  seqCeiling: 0,
  timestampCeiling: 0,
  seqFloor: 0,
};

function memory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory("d");
  return fs;
}

function start(fileSystem: FileSystem, manifestBytesMax = 1 << 20): Promise<VersionSet<string>> {
  return VersionSet.start({ fileSystem, directory: "d", manifestBytesMax }, numbers, Version.of<string>([]));
}

async function failure(action: () => Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const add = (number: number): VersionEdit => ({ added: [{ level: 0, meta: testMeta(number, "a", "b") }] });
const open = (number: number): TableFile<string> => testTable(testMeta(number, "a", "b"));
const powerCut = () => false;

describe("a version set", () => {
  test("begins with a manifest that is in force, on disk", async () => {
    const fs = memory();
    const set = await start(fs);
    const state = loadManifest(fs.crash(powerCut), "d")!;
    expect(state).toMatchObject({ tables: [], closed: undefined, tornBytes: 0, manifestNumber: set.manifestNumber });
    expect(state.numbers).toEqual(set.numbers);
    expect(fs.list("d")).toEqual(["CURRENT", "MANIFEST-000001"]);
  });

  test("shows an edit once it is on disk", async () => {
    const fs = memory();
    const set = await start(fs);
    const before = set.current;
    const logged = set.logAndApply({ ...add(5), logNumber: 3, seqCeiling: 77 }, open);
    expect(set.current).toBe(before);
    const version = await logged;
    expect(set.current).toBe(version);
    expect(version.tables().map(({ file }) => file.meta.number)).toEqual([5]);
    expect(set.numbers).toMatchObject({ logNumber: 3, seqCeiling: 77 });
    const state = loadManifest(fs.crash(powerCut), "d")!;
    expect(state.tables.map(({ meta }) => meta.number)).toEqual([5]);
    expect(state.numbers).toEqual(set.numbers);
  });

  test("lets edits take turns", async () => {
    const fs = memory();
    const set = await start(fs);
    const edits = [add(10), add(11), { removed: [10] }, { removed: [11], added: add(12).added! }];
    await Promise.all(edits.map((edit) => set.logAndApply(edit, open)));
    expect(set.current.tables().map(({ file }) => file.meta.number)).toEqual([12]);
    expect(loadManifest(fs, "d")!.tables.map(({ meta }) => meta.number)).toEqual([12]);
  });

  test("remembers an orderly close until the next edit", async () => {
    const fs = memory();
    const set = await start(fs);
    await set.close({ lastSeq: 5, lastAssigned: 6 });
    expect(loadManifest(fs.crash(powerCut), "d")!.closed).toEqual({ lastSeq: 5, lastAssigned: 6 });
    expect((await failure(() => set.logAndApply({ seqCeiling: 1 }))).message).toContain("V7");
    const { nextFileNumber } = set.numbers;
    await VersionSet.start(
      { fileSystem: fs, directory: "d", manifestBytesMax: 1000 },
      { ...numbers, nextFileNumber },
      Version.of<string>([]),
    );
    expect(loadManifest(fs.crash(powerCut), "d")!.closed).toBeUndefined();
  });

  test("never gives a file number twice, not after an unclean stop either", async () => {
    const fs = memory();
    const set = await start(fs);
    for (let i = 0; i < 5; i++) {
      const first = set.takeFileNumbers(300);
      await set.logAndApply({ seqCeiling: i });
      expect(loadManifest(fs.crash(powerCut), "d")!.numbers.nextFileNumber).toBeGreaterThan(first + 300);
    }
  });

  test("refuses by name an edit that does not fit, and nothing of it reaches the disk", async () => {
    const fs = memory();
    const set = await start(fs);
    const bytes = set.manifestBytes;
    expect((await failure(() => set.logAndApply({ removed: [99] }))).message).toContain("V4");
    expect(set.manifestBytes).toBe(bytes);
    await set.logAndApply({ seqCeiling: 1 });
    expect(loadManifest(fs, "d")!.numbers.seqCeiling).toBe(1);
  });
});

describe("rolling over", () => {
  test("begins a new manifest with a snapshot, and removes the old one", async () => {
    const fs = memory();
    const set = await start(fs, 2000);
    const seen = new Set<number>();
    for (let number = 10; number < 100; number++) {
      const edit = number >= 12 ? { ...add(number), removed: [number - 2] } : add(number);
      await set.logAndApply(edit, open);
      seen.add(set.manifestNumber);
      expect(fs.list("d").filter((name) => name.startsWith("MANIFEST"))).toHaveLength(1);
      const onDisk = loadManifest(fs.crash(powerCut), "d")!.tables.map(({ meta }) => meta.number);
      const shown = set.current.tables().map(({ file }) => file.meta.number);
      expect(onDisk.toSorted()).toEqual(shown.toSorted());
    }
    expect(seen.size).toBeGreaterThan(2);
    expect(set.manifestBytes).toBeLessThan(4000);
  });

  test("waits for a state that is larger than the limit to double", async () => {
    const fs = memory();
    const set = await start(fs, 100);
    const seen = new Set<number>();
    for (let number = 10; number < 200; number++) {
      await set.logAndApply(add(number), open);
      seen.add(set.manifestNumber);
    }
    expect(seen.size).toBeLessThan(10);
  });

  test("that fails is no failure of the edit, and is tried again later", async () => {
    const inner = memory();
    const fs = new FaultFileSystem(inner);
    const set = await start(fs, 500);
    while (set.manifestBytes < 400) await set.logAndApply({ seqCeiling: 1 });
    const { manifestNumber } = set;
    // Write and sync of the edit succeed; the new manifest's creation fails.
    fs.fault = { at: fs.calls + 3, code: "ENOSPC", lasts: true };
    while (set.manifestBytes < 500) {
      fs.fault = { at: fs.calls + 3, code: "ENOSPC", lasts: true };
      await set.logAndApply({ seqCeiling: 2 });
    }
    expect(set.manifestNumber).toBe(manifestNumber);
    expect(set.isIndeterminate).toBe(false);
    fs.fault = undefined;
    for (let i = 0; i < 40; i++) await set.logAndApply({ seqCeiling: 3 });
    expect(set.manifestNumber).toBeGreaterThan(manifestNumber);
    expect(loadManifest(inner.crash(powerCut), "d")!.numbers.seqCeiling).toBe(3);
  });
});

describe("a failed", () => {
  test.each([0, 0.5, 1])("write (%d of it done) changes nothing, and may be tried again", async (written) => {
    const inner = memory();
    const fs = new FaultFileSystem(inner);
    const set = await start(fs);
    fs.fault = { at: fs.calls + 1, code: "ENOSPC", written };
    expect((await failure(() => set.logAndApply(add(5), open))).code).toBe("ENOSPC");
    expect(set.current.tables()).toEqual([]);
    expect(
      loadManifest(
        inner.crash(() => true),
        "d",
      ),
    ).toMatchObject({ tables: [], tornBytes: 0 });
    await set.logAndApply(add(6), open);
    expect(loadManifest(inner.crash(powerCut), "d")!.tables.map(({ meta }) => meta.number)).toEqual([6]);
  });

  test("sync leaves it open what is on disk: nothing more is written, nothing that either state names may go", async () => {
    const inner = memory();
    const fs = new FaultFileSystem(inner, { onFailedSync: (path) => inner.loseUnsynced(path, () => false) });
    const set = await start(fs);
    await set.logAndApply(add(5), open);
    fs.fault = { at: fs.calls + 2, code: "EIO" };
    const error = await failure(() => set.logAndApply({ removed: [5] }));
    expect(isKvtsError(error, "READ_ONLY")).toBe(true);
    expect(error).toMatchObject({ details: { indeterminate: true }, cause: { code: "EIO" } });
    expect(set.isIndeterminate).toBe(true);
    expect(await failure(() => set.logAndApply({ seqCeiling: 1 }))).toBe(error);
    expect(set.current.tables()[0]!.file.isRemoved).toBe(false);
    await set.close({ lastSeq: 1, lastAssigned: 1 });
    expect(loadManifest(inner.crash(powerCut), "d")).toMatchObject({ closed: undefined, tables: [{ level: 0 }] });
  });

  test("removal of the old manifest is left to recovery", async () => {
    const inner = memory();
    const fs = new FaultFileSystem(inner, {
      kinds: new Set(["remove"]),
      fault: { at: 1, code: "EIO", lasts: true },
    });
    const set = await start(fs, 100);
    for (let i = 0; i < 20; i++) await set.logAndApply({ seqCeiling: i });
    expect(inner.exists(manifestFileName("d", 1))).toBe(true);
    expect(loadManifest(inner.crash(powerCut), "d")!.numbers.seqCeiling).toBe(19);
  });
});

/** What a state amounts to, for comparison. */
function summary(tables: readonly { level: number; number: number }[], seqCeiling: number): string {
  return `${seqCeiling}: ${tables
    .map(({ level, number }) => `${number}@${level}`)
    .toSorted()
    .join(" ")}`;
}

/** Runs random edits, and says after each what the manifest must amount to. */
class EditScript {
  readonly random: Random;
  /** The summaries of all states so far; the last may not be on disk. */
  readonly states: string[] = [summary([], 0)];
  acknowledged = 0;
  /** Tables whose files have been removed. */
  readonly gone: Set<number> = new Set();
  #seqCeiling = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async run(set: VersionSet<string>, edits: number): Promise<void> {
    for (let i = 0; i < edits; i++) {
      const { edit, files } = this.#next(set);
      await set.logAndApply(edit, (number) => files.get(number)!);
      this.acknowledged = this.states.length - 1;
    }
  }

  #next(set: VersionSet<string>): { edit: VersionEdit; files: Map<number, TableFile<string>> } {
    const { random } = this;
    const present = set.current.tables().map(({ level, file }) => ({ level, meta: file.meta }));
    const removed = present.filter(() => random.chance(0.3)).map(({ meta }) => meta.number);
    const moved = present.filter(({ meta }) => removed.includes(meta.number) && random.chance(0.3));
    const fresh = Array.from({ length: random.below(3) }, () => randomMeta(random, set.takeFileNumbers()));
    const added = [...fresh.map((meta) => ({ level: 0, meta })), ...moved.map(({ meta }) => ({ level: 0, meta }))];
    this.#seqCeiling += 1;
    const kept = present.filter(({ meta }) => !removed.includes(meta.number));
    const after = [...kept, ...added].map(({ level, meta }) => ({ level, number: meta.number }));
    this.states.push(summary(after, this.#seqCeiling));
    const note = (file: TableFile<string>) => {
      if (file.isRemoved && !set.isIndeterminate) this.gone.add(file.meta.number);
    };
    const files = new Map(fresh.map((meta) => [meta.number, testTable(meta, note)]));
    return { edit: { removed, added, seqCeiling: this.#seqCeiling }, files };
  }
}

function checkState(
  fs: MemoryFileSystem,
  states: readonly string[],
  acknowledged: number,
  gone: ReadonlySet<number>,
): void {
  const state = loadManifest(fs, "d")!;
  const tables = state.tables.map(({ level, meta }) => ({ level, number: meta.number }));
  const found = states.indexOf(summary(tables, state.numbers.seqCeiling));
  expect(found).toBeGreaterThanOrEqual(acknowledged);
  for (const { number } of tables) expect(gone.has(number)).toBe(false);
}

describe("a power cut at any call", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "leaves an edit or all before it, and the files that it names (seed %d)",
    async (seed) => {
      const script = new EditScript(seed);
      const fs = memory();
      const set = await start(fs, 600);
      let checks = 0;
      fs.onCall = () => {
        for (const share of [0, 0.5, 1]) {
          checkState(fs.crash(script.random.fork().coin(share)), script.states, script.acknowledged, script.gone);
          checks++;
        }
      };
      await script.run(set, 60);
      expect(set.manifestNumber).toBeGreaterThan(1);
      expect(checks).toBeGreaterThan(300);
    },
  );

  test("of the very first one leaves a store or nothing", async () => {
    const fs = memory();
    let stores = 0;
    fs.onCall = () => {
      for (const share of [0, 0.5, 1]) {
        const state = loadManifest(fs.crash(new Random(share * 10).coin(share)), "d");
        if (state !== undefined) stores++;
        expect(state === undefined || state.numbers.incarnation === numbers.incarnation).toBe(true);
      }
    };
    await start(fs);
    expect(stores).toBeGreaterThan(0);
  });
});

describe("a fault at any call", () => {
  test.each(["EIO", "ENOSPC"] as const)(
    "(%s) leaves an edit or all before it, and the files that it names",
    async (code) => {
      let indeterminate = 0;
      for (let at = 1; at < 150; at++) {
        const script = new EditScript(at);
        const inner = memory();
        const coin = script.random.fork().coin(0.5);
        const fs = new FaultFileSystem(inner, { onFailedSync: (path) => inner.loseUnsynced(path, coin) });
        const set = await start(fs, 600);
        fs.fault = { at: fs.calls + at, code, written: script.random.pick([0, 0.5, 1]) };
        for (let i = 0; i < 50; i++) {
          try {
            await script.run(set, 1);
          } catch (error) {
            expect((error as NodeJS.ErrnoException).code).toMatch(/EIO|ENOSPC|READ_ONLY/);
            // What failed for certain must not be found later.
            if (!set.isIndeterminate) script.states.splice(-1, 1, "refused");
          }
        }
        if (set.isIndeterminate) indeterminate++;
        checkState(inner.crash(coin), script.states, script.acknowledged, script.gone);
      }
      expect(indeterminate).toBeGreaterThan(10);
    },
  );
});
