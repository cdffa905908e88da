import type { VerifyReport } from "@kvts/common";
import { isKvtsError } from "@kvts/common";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { currentFileName, logFileName, manifestFileName, parseFileName, tableFileName } from "./format/filenames.ts";
import { HEADER_CRC_OFFSET, MANIFEST_HEADER_BYTES, RECORD_HEADER_BYTES } from "./manifest/format.ts";
import { readManifest } from "./manifest/reader.ts";
import { encodeManifestHeader, encodeRecord } from "./manifest/record.ts";
import { loadManifest, type ManifestState } from "./manifest/state.ts";
import type { TableMeta } from "./manifest/table-meta.ts";
import { encodeEdit, type LeveledTable } from "./manifest/version-edit.ts";
import { repair } from "./repair.ts";
import { FOOTER_BYTES } from "./table/footer.ts";
import { KIND_BLOCK, KIND_EXTENT, KIND_FILTER, KIND_INDEX, KIND_PROPERTIES } from "./table/format.ts";
import { HeldRunner } from "./testing/held-runner.ts";
import { kill, livedInStore } from "./testing/lived-in-store.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { SimulatedScheduler } from "./testing/simulated-scheduler.ts";
import { payloadOf, sealPart, type TablePart, tableParts } from "./testing/table-parts.ts";
import { verify } from "./verify.ts";

// Whole stores are written and read, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const DIRECTORY = "d";

function verifyOn(fileSystem: MemoryFileSystem): Promise<VerifyReport> {
  return verify(DIRECTORY, { components: { fileSystem, scheduler: new SimulatedScheduler() } });
}

const copyOf = (fs: MemoryFileSystem) => fs.crash(() => true);
const nameOf = (path: string) => path.slice(DIRECTORY.length + 1);

function change(fs: MemoryFileSystem, path: string, how: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): void {
  const bytes = fs.contents(path);
  fs.replace(path, how(bytes));
}

function flip(fs: MemoryFileSystem, path: string, at: number): void {
  change(fs, path, (bytes) => {
    bytes[at]! ^= 1 << (at % 8);
    return bytes;
  });
}

/** What is found in a store after some damage, as `file:offset`; the sentence of each names both. */
async function found(fs: MemoryFileSystem): Promise<string[]> {
  const report = await verifyOn(fs);
  expect(report.sound).toBe(report.problems.length === 0);
  for (const { file, offset, message } of report.problems) {
    expect(message).toMatch(new RegExp(`^d/${file} is damaged at byte ${offset}: [^;]+$`));
    expect(["damaged", "missing"]).toContain(report.files.find((each) => each.file === file)?.state);
  }
  return report.problems.map(({ file, offset }) => `${file}:${offset}`);
}

/** A store that was killed: tables in several levels, with extents, and a log. */
let lived: MemoryFileSystem;
let state: ManifestState;
/** A table of several blocks. */
let table: string;
let parts: TablePart[];
beforeAll(async () => {
  lived = await kill(await livedInStore(new Random(21)));
  state = loadManifest(lived, DIRECTORY)!;
  const paths = state.tables.map(({ meta }) => tableFileName(DIRECTORY, meta.number));
  const kindsIn = (path: string) => tableParts(lived.contents(path)).filter(({ kind }) => kind === KIND_EXTENT).length;
  table = paths.toSorted((a, b) => kindsIn(b) - kindsIn(a))[0]!;
  parts = tableParts(lived.contents(table));
  expect(await found(lived)).toEqual([]);
});

describe("of a table", () => {
  test.each([
    ["a block", KIND_BLOCK],
    ["a long value", KIND_EXTENT],
    ["the filter", KIND_FILTER],
    ["the index", KIND_INDEX],
    ["the properties", KIND_PROPERTIES],
  ])("every byte of %s is checked", async (_what, kind) => {
    for (const { offset, length } of parts.filter((part) => part.kind === kind)) {
      const step = Math.max(1, Math.floor(length / 40));
      for (let at = offset; at < offset + length; at += at < offset + 16 ? 1 : step) {
        const fs = copyOf(lived);
        flip(fs, table, at);
        expect(await found(fs), `byte ${at}`).toContain(`${nameOf(table)}:${offset}`);
      }
    }
  });

  test("every byte of the footer is checked", async () => {
    const { length } = lived.contents(table);
    for (let at = length - FOOTER_BYTES; at < length; at++) {
      const fs = copyOf(lived);
      flip(fs, table, at);
      const [place = ""] = await found(fs);
      expect(place.startsWith(`${nameOf(table)}:`), `byte ${at}: ${place}`).toBe(true);
      expect(Number(place.split(":")[1]), `byte ${at}`).toBeGreaterThanOrEqual(length - FOOTER_BYTES);
    }
  });

  test("a missing end is found, and bytes too many", async () => {
    const { length } = lived.contents(table);
    for (const left of [0, 1, 47, 48, 1000, length - 48, length - 8, length - 1]) {
      const fs = copyOf(lived);
      change(fs, table, (bytes) => bytes.subarray(0, left));
      expect(
        (await found(fs)).map((place) => place.split(":")[0]),
        `${left} bytes`,
      ).toEqual([nameOf(table)]);
    }
    const fs = copyOf(lived);
    change(fs, table, (bytes) => Buffer.concat([bytes, new Uint8Array(8)]));
    expect(await found(fs)).toHaveLength(1);
  });

  test("everything that is wrong is found, not the first of it alone", async () => {
    const extents = parts.filter(({ kind }) => kind === KIND_EXTENT);
    const others = parts.filter(({ kind }) => kind === KIND_FILTER || kind === KIND_PROPERTIES);
    const damaged = [extents[0]!, extents.at(-1)!, ...others];
    const fs = copyOf(lived);
    for (const { offset } of damaged) flip(fs, table, offset + 20);
    const second = state.tables
      .map(({ meta }) => tableFileName(DIRECTORY, meta.number))
      .find((path) => path !== table)!;
    flip(fs, second, 20);
    const expected = new Set(damaged.map(({ offset }) => `${nameOf(table)}:${offset}`)).add(`${nameOf(second)}:0`);
    expect(new Set(await found(fs))).toEqual(expected);
  });

  test("a filter that denies one of its keys is found", async () => {
    const fs = copyOf(lived);
    const filter = parts.find(({ kind }) => kind === KIND_FILTER)!;
    change(fs, table, (bytes) => {
      const payload = payloadOf(bytes, filter);
      const at = payload.findIndex((byte) => byte !== 0);
      payload[at]! &= payload[at]! - 1;
      sealPart(bytes, filter, parseFileName(nameOf(table))!.number);
      return bytes;
    });
    expect(await found(fs)).toEqual([`${nameOf(table)}:${filter.offset}`]);
  });

  test("that it lies under another's name is found", async () => {
    const [a, b] = state.tables.map(({ meta }) => tableFileName(DIRECTORY, meta.number)) as [string, string];
    const fs = copyOf(lived);
    fs.replace(a, lived.contents(b));
    fs.replace(b, lived.contents(a));
    expect(await found(fs)).toEqual([`${nameOf(a)}:0`, `${nameOf(b)}:0`]);
    expect((await verifyOn(fs)).problems[0]!.message).toContain("under another name");
  });

  test("that it is missing is found, and that one is newer than the manifest", async () => {
    const fs = copyOf(lived);
    await fs.remove(table);
    fs.replace(`${DIRECTORY}/999999.sst`, lived.contents(table));
    expect(new Set(await found(fs))).toEqual(new Set([`${nameOf(table)}:0`, "999999.sst:0"]));
  });
});

test("blocks that have changed places are found", async () => {
  const store = await openPlainStore();
  for (let i = 0; i < 20; i++) {
    const operations = Array.from({ length: 100 }, (_, at) => {
      const text = String(i * 100 + at).padStart(8, "0");
      return { op: "put", key: new Uint8Array(Buffer.from(text)), value: new Uint8Array(64), timestamp: 1 } as const;
    });
    await store.submit(operations);
  }
  await store.close();
  const fs = store.fileSystem as MemoryFileSystem;
  expect(await found(fs)).toEqual([]);
  const path = tableFileName(DIRECTORY, loadManifest(fs, DIRECTORY)!.tables[0]!.meta.number);
  const blocks = tableParts(fs.contents(path)).filter(({ kind }) => kind === KIND_BLOCK);
  const [a, b] = blocks.flatMap((one, at) => {
    const other = blocks.find(({ length }, later) => later > at && length === one.length);
    return other === undefined ? [] : [one, other];
  }) as [TablePart, TablePart];
  change(fs, path, (bytes) => {
    const whole = bytes.slice();
    bytes.set(whole.subarray(a.offset, a.offset + a.length), b.offset);
    bytes.set(whole.subarray(b.offset, b.offset + b.length), a.offset);
    return bytes;
  });
  expect(await found(fs)).toEqual(expect.arrayContaining([`${nameOf(path)}:${a.offset}`]));
});

describe("of the manifest", () => {
  const path = () => manifestFileName(DIRECTORY, state.manifestNumber);

  /** Replaces the manifest by one with sound checksums that says something else. */
  function rewritten(
    tables: readonly LeveledTable[],
    numbers: Partial<ManifestState["numbers"]> = {},
  ): MemoryFileSystem {
    const fs = copyOf(lived);
    const header = encodeManifestHeader(state.manifestNumber, state.numbers.incarnation);
    const seed = new DataView(header.buffer).getUint32(HEADER_CRC_OFFSET, true);
    const record = encodeRecord(encodeEdit({ ...state.numbers, ...numbers, added: tables }), 0, seed);
    fs.replace(path(), Buffer.concat([header, record]));
    return fs;
  }

  /** The same with another account of one table. */
  function lying(about: LeveledTable, lie: Partial<TableMeta>): MemoryFileSystem {
    return rewritten(state.tables.map((each) => (each === about ? { ...each, meta: { ...each.meta, ...lie } } : each)));
  }

  test("every byte that was on disk for certain is checked", async () => {
    const bytes = lived.contents(path());
    const { records } = readManifest(bytes, state.manifestNumber, path());
    const view = new DataView(bytes.buffer);
    const places = Array.from({ length: MANIFEST_HEADER_BYTES }, (_, at) => at);
    for (const { offset } of records.slice(0, -1)) {
      const length = RECORD_HEADER_BYTES + view.getUint32(offset + 8, true);
      for (let at = 0; at < length; at += at < 24 ? 3 : 41) places.push(offset + at);
    }
    const step = Math.ceil(places.length / 150);
    for (const at of places.filter((_, i) => i < MANIFEST_HEADER_BYTES || i % step === 0)) {
      const fs = copyOf(lived);
      flip(fs, path(), at);
      const [place = ""] = await found(fs);
      expect(place.startsWith(`${nameOf(path())}:`), `byte ${at}: ${place}`).toBe(true);
    }
  });

  test("a wrong account of a table is found, whatever it is wrong about", async () => {
    const subject = state.tables.find(({ meta }) => meta.minTimestamp > 0)!;
    const { meta } = subject;
    const offset = MANIFEST_HEADER_BYTES;
    const lies: Partial<TableMeta>[] = [
      { fileBytes: meta.fileBytes + 8 },
      { keyCount: meta.keyCount + 1 },
      { entryCount: meta.entryCount - 1 },
      { deleteCount: meta.deleteCount + 1 },
      { retractCount: meta.retractCount + 1 },
      { rangeTombstoneCount: 1 },
      { rawBytes: meta.rawBytes + 1 },
      { minTimestamp: meta.minTimestamp - 1 },
      { maxTimestamp: meta.maxTimestamp + 1 },
      { minSeq: meta.minSeq - 1 },
      { maxSeq: meta.maxSeq - 1 },
      { minExpiresAt: 5, maxExpiresAt: 6 },
      { smallest: meta.smallest.subarray(0, -1) },
      { largest: Uint8Array.of(...meta.largest, 0) },
    ];
    for (const lie of lies) {
      const fs = lying(subject, lie);
      expect(await found(fs), Object.keys(lie)[0]!).toContain(`${nameOf(path())}:${offset}`);
      const { problems } = await verifyOn(fs);
      const messages = problems.map(({ message }) => message).join("\n");
      await expectRepairable(fs);
      expect(messages).toContain(`what it says of table ${meta.number} is not so (${Object.keys(lie).join(", ")})`);
    }
  });

  test("tables that overlap below level 0 are found", async () => {
    const fs = rewritten(state.tables.map(({ meta }) => ({ level: 3, meta })));
    const { problems } = await verifyOn(fs);
    expect(problems.length).toBeGreaterThan(0);
    for (const { message } of problems) expect(message).toMatch(/tables \d+ and \d+ of level 3 overlap$/);
    const { manifestNumber } = loadManifest(fs, DIRECTORY)!;
    await expect(openPlainStore({}, { fileSystem: fs })).rejects.toMatchObject({
      code: "CORRUPTION",
      details: { file: manifestFileName(DIRECTORY, manifestNumber), offset: 0 },
    });
    await expectRepairable(fs);
  });

  test("numbers that the files go beyond are found", async () => {
    const low = rewritten(state.tables, { seqCeiling: 10, seqFloor: 0 });
    const seqs = await verifyOn(low);
    await expectRepairable(low);
    expect(new Set(seqs.problems.map(({ file }) => file)).size).toBeGreaterThan(1);
    for (const { message } of seqs.problems) expect(message).toMatch(/has seq \d+, and none above 10 was given out$/);
    const numbers = await verifyOn(rewritten(state.tables, { nextFileNumber: 5 }));
    expect(numbers.problems).toHaveLength(state.tables.length);
    const floor = await verifyOn(rewritten(state.tables, { seqFloor: state.numbers.seqCeiling + 1 }));
    expect(floor.problems.map(({ message }) => message)).toEqual([expect.stringContaining("the seq floor")]);
  });

  test("that it is missing, or CURRENT, is found, and whatever else is wrong", async () => {
    const current = currentFileName(DIRECTORY);
    for (const [name, blamed] of [
      [path(), current],
      [current, current],
    ] as const) {
      const fs = copyOf(lived);
      await fs.remove(name);
      expect(await found(fs)).toEqual([`${nameOf(blamed)}:0`]);
      flip(fs, table, parts[0]!.offset);
      expect(await found(fs)).toEqual([`${nameOf(blamed)}:0`, `${nameOf(table)}:${parts[0]!.offset}`]);
    }
    for (let at = 0; at < lived.contents(current).length; at++) {
      const fs = copyOf(lived);
      flip(fs, current, at);
      expect(await found(fs), `byte ${at}`).toEqual(["CURRENT:0"]);
    }
  });
});

describe("of the log", () => {
  let logged: MemoryFileSystem;
  let logs: string[];
  beforeAll(async () => {
    let runner: HeldRunner | undefined;
    const tuning = { logSegmentBytes: 4096, frozenMemtablesMax: 8 };
    const store = await openPlainStore(
      { tuning },
      {
        runner: (fileSystem, scheduler) => {
          runner = new HeldRunner(new InlineRunner(fileSystem, scheduler));
          runner.hold();
          return runner;
        },
      },
    );
    const random = new Random(3);
    const countLogs = () => store.fileSystem.list(DIRECTORY).filter((name) => name.endsWith(".log")).length;
    while (countLogs() < 4) {
      await store.submit([{ op: "put", key: random.bytes(5), value: random.bytes(random.below(200)) }]);
    }
    for (let i = 0; i < 6; i++) await store.submit([{ op: "put", key: random.bytes(5), value: random.bytes(20) }]);
    logged = (store.fileSystem as MemoryFileSystem).crash(() => true);
    runner?.letGo();
    await store.abandon().close();
    logs = logged.list(DIRECTORY).flatMap((name) => {
      const file = parseFileName(name);
      return file?.kind === "log" ? [logFileName(DIRECTORY, file.number)] : [];
    });
    const report = await verifyOn(logged);
    expect(report).toMatchObject({ sound: true, problems: [] });
    expect(report.operations).toBeGreaterThan(30);
  });

  test("every byte of a segment that another follows is checked", async () => {
    const [first = "", second = ""] = logs;
    for (const path of [first, second]) {
      // The end may be padding behind the last frame, which means nothing.
      for (let at = 0; at < 3500; at += at < 100 ? 1 : 29) {
        const fs = copyOf(logged);
        flip(fs, path, at);
        expect(
          (await found(fs)).map((place) => place.split(":")[0]),
          `byte ${at}`,
        ).toEqual([nameOf(path)]);
      }
    }
  });

  test("what later frames prove in the last segment is checked", async () => {
    const last = logs.at(-1)!;
    for (let at = 48; at < 200; at += 5) {
      const fs = copyOf(logged);
      flip(fs, last, at);
      expect(
        (await found(fs)).map((place) => place.split(":")[0]),
        `byte ${at}`,
      ).toEqual([nameOf(last)]);
    }
  });

  test("a segment that is missing, cut off or another's is found", async () => {
    const [first = "", second = ""] = logs;
    const missing = copyOf(logged);
    await missing.remove(second);
    expect(await found(missing)).toEqual([`${nameOf(second)}:0`]);
    const cut = copyOf(logged);
    change(cut, second, (bytes) => bytes.subarray(0, 1000));
    expect((await found(cut)).map((place) => place.split(":")[0])).toEqual([nameOf(second)]);
    const swapped = copyOf(logged);
    swapped.replace(first, logged.contents(second));
    swapped.replace(second, logged.contents(first));
    expect(new Set((await found(swapped)).map((place) => place.split(":")[0]))).toContain(nameOf(first));
  });

  test("each damaged place is found", async () => {
    const fs = copyOf(logged);
    const [first = "", second = ""] = logs;
    flip(fs, first, 100);
    flip(fs, first, 2500);
    flip(fs, second, 1500);
    const places = await found(fs);
    expect(places).toHaveLength(3);
    expect(places.filter((place) => place.startsWith(nameOf(first)))).toHaveLength(2);
  });
});

test("of request ids, every byte is checked", async () => {
  const store = await openPlainStore();
  for (let i = 0; i < 5; i++) {
    await store.db.put(new Uint8Array([i + 1]), new Uint8Array(9), { timestamp: 1, requestId: `r${i}` });
  }
  await store.db.flush();
  expect(await store.db.verify()).toMatchObject({ sound: true, problems: [] });
  const killed = (store.fileSystem as MemoryFileSystem).crash(() => true);
  await store.close();
  const { files } = await verifyOn(killed);
  const { file } = files.find(({ file }) => parseFileName(file)?.kind === "requests")!;
  expect(files).toContainEqual(expect.objectContaining({ file, state: "sound", entries: 5 }));
  const path = `${DIRECTORY}/${file}`;
  for (let at = 0; at < killed.contents(path).length; at++) {
    const fs = copyOf(killed);
    flip(fs, path, at);
    expect(
      (await found(fs)).map((place) => place.split(":")[0]),
      `byte ${at}`,
    ).toEqual([file]);
  }
  const fs = copyOf(killed);
  await fs.remove(path);
  expect(await found(fs)).toEqual([`${file}:0`]);
  await expectRepairable(fs);
  const damaged = copyOf(killed);
  flip(damaged, path, 50);
  await expectRepairable(damaged);
  expect(damaged.exists(path)).toBe(false);
  const stray = copyOf(killed);
  stray.replace(path.replace(/\d+/, "000002"), killed.contents(path));
  const report = await verifyOn(stray);
  expect(report).toMatchObject({ sound: true });
  expect(report.files).toContainEqual(
    expect.objectContaining({ file: file.replace(/\d+/, "000002"), state: "not needed" }),
  );
});

test("whatever is done to a store, a verification ends, and says so", async () => {
  const random = new Random(31);
  const names = lived.list(DIRECTORY).filter((name) => name !== "LOCK");
  let unsound = 0;
  for (let turn = 0; turn < 120; turn++) {
    const fs = copyOf(lived);
    for (let times = random.between(1, 4); times > 0; times--) {
      const path = `${DIRECTORY}/${random.pick(names)}`;
      if (!fs.exists(path)) continue;
      const { length } = fs.contents(path);
      const how = random.below(5);
      if (how === 0) await fs.remove(path);
      else if (how === 1) change(fs, path, (bytes) => bytes.subarray(0, random.below(length + 1)));
      else if (how === 2) change(fs, path, (bytes) => Buffer.concat([bytes, random.bytes(random.below(100))]));
      else if (how === 3) fs.replace(path, lived.contents(`${DIRECTORY}/${random.pick(names)}`));
      else if (length > 0) flip(fs, path, random.below(length));
    }
    const report = await outcome(fs);
    if (report?.sound !== true) {
      unsound++;
      if (report !== undefined) await expectRepairable(fs);
      continue;
    }
    // What it calls sound can be opened, and read.
    const store = await openPlainStore(
      { tuning: {} },
      { fileSystem: fs, runner: () => new InlineRunner(fs, new SimulatedScheduler()) },
    );
    for await (const _ of store.db.scan({}, { includeDeleted: true }));
    await store.abandon().close();
  }
  expect(unsound).toBeGreaterThan(70);
});

/** What a verification calls damaged a repair does something about, and then it is sound. */
async function expectRepairable(fs: MemoryFileSystem): Promise<void> {
  const repaired = await repair(DIRECTORY, {
    components: {
      fileSystem: fs,
      scheduler: new SimulatedScheduler(),
      runner: new InlineRunner(fs, new SimulatedScheduler()),
    },
  });
  expect(repaired.sound).toBe(false);
  const { problems } = await verifyOn(fs);
  expect(problems).toEqual([]);
}

/** A report, or undefined where a store is refused as no store at all. */
async function outcome(fs: MemoryFileSystem): Promise<VerifyReport | undefined> {
  try {
    return await verifyOn(fs);
  } catch (error) {
    expect(isKvtsError(error), String(error)).toBe(true);
    return undefined;
  }
}
