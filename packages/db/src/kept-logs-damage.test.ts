import { isKvtsError, type WatchEvent } from "@kvts/common";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parseFileName } from "./format/filenames.ts";
import { loadManifest } from "./manifest/state.ts";
import { repair } from "./repair.ts";
import { partsOf } from "./testing/damage/file-parts.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { testSeeds } from "./testing/seeds.ts";
import { verify } from "./verify.ts";

// Whole stores are opened again and again, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const SETTINGS = {
  feedBytes: 1024 * 1024,
  feedAgeMs: 3_600_000,
  tuning: { logSegmentBytes: 4096 },
};
const COPIES = 12;

/** A store with segments that are kept for the feed alone, on a disk; and its feed, an event a line. */
let image: MemoryFileSystem;
let directory: string;
let feed: readonly string[];
let kept: readonly string[];
let lastSeq: number;

beforeAll(async () => {
  const store = await openPlainStore(SETTINGS);
  ({ directory } = store);
  const random = new Random(1);
  for (let i = 0; i < 24; i++) {
    const batch = Array.from({ length: random.between(1, 3) }, (_, at) => {
      return { op: "put", key: `k${random.below(9)}/${at}`, value: random.bytes(300) } as const;
    });
    await store.db.write(batch);
    if (i % 8 === 7) await store.db.flush();
  }
  ({ seq: lastSeq } = await store.db.put("last", "1"));
  await store.close();
  image = store.fileSystem as MemoryFileSystem;
  const { logNumber, feed: start } = loadManifest(image, directory)!.numbers;
  kept = logs().filter((name) => parseFileName(name)!.number! < logNumber);
  expect(start).toEqual({ segment: parseFileName(kept[0]!)!.number, afterSeq: 0 });
  expect(kept.length).toBeGreaterThan(3);
  feed = (await watched(copy(), 0)).lines;
  expect(feed).toHaveLength(25);
});

const copy = () => image.crash(() => true);

function logs(): string[] {
  return image.list(directory).filter((name) => parseFileName(name)?.kind === "log");
}

function lineOf({ seq, items }: WatchEvent<Uint8Array>): string {
  const values = items.map((item) => ("value" in item ? Buffer.from(item.value).toString("base64url") : item.op));
  return `${seq}: ${values.join(" ")}`;
}

const seqOf = (line: string) => Number.parseInt(line, 10);

/** What a watcher gets of a store that is opened anew, and what ends it, unless it sees the last event. */
async function watched(disk: MemoryFileSystem, afterSeq: number): Promise<{ lines: string[]; error: unknown }> {
  const store = await openPlainStore(SETTINGS, { fileSystem: disk });
  const lines: string[] = [];
  try {
    await using watch = store.db.watch({}, { afterSeq });
    while ((lines.length === 0 ? afterSeq : seqOf(lines.at(-1)!)) < lastSeq) {
      lines.push(...(await watch.nextv(1)).map(lineOf));
    }
    return { lines, error: undefined };
  } catch (error) {
    return { lines, error };
  } finally {
    await store.close();
  }
}

/**
 * A watcher gets everything, or is told that it cannot, and where; never a part with a gap.
 * @returns what became of it: the code of the first error, or "whole"
 */
async function expectNoGap(disk: MemoryFileSystem, what: string): Promise<string> {
  let afterSeq = 0;
  let { lines, error } = await watched(
    disk.crash(() => true),
    afterSeq,
  );
  const outcome = isKvtsError(error) ? error.code : "whole";
  if (isKvtsError(error, "FEED_TRIMMED")) {
    expect(lines, what).toEqual([]);
    afterSeq = Number(error.details.oldestSeq);
    expect(afterSeq, what).toBeGreaterThan(0);
    ({ lines, error } = await watched(
      disk.crash(() => true),
      afterSeq,
    ));
  }
  const expected = feed.filter((line) => seqOf(line) > afterSeq);
  expect(lines, what).toEqual(expected.slice(0, lines.length));
  if (error === undefined) expect(lines, what).toHaveLength(expected.length);
  else
    expect(error, what).toMatchObject({
      code: "CORRUPTION",
      details: { file: expect.stringMatching(/\.log$/), offset: expect.any(Number) },
    });
  return outcome;
}

async function damagedFiles(disk: MemoryFileSystem): Promise<string[]> {
  const { problems } = await verify(directory, { components: { fileSystem: disk } });
  return [...new Set(problems.map(({ file }) => file))];
}

/** What was found leads to a repair, which sees it too, and loses nothing that is not the feed's alone. */
async function expectRepaired(disk: MemoryFileSystem, what: string): Promise<void> {
  const repaired = disk.crash(() => true);
  const report = await repair(directory, { components: { fileSystem: repaired } });
  expect({ sound: report.sound, lost: report.lost }, what).toEqual({ sound: false, lost: false });
  expect(await damagedFiles(repaired), what).toEqual([]);
}

test("a store with whole segments for the feed is sound, by verify and by repair", async () => {
  const report = await verify(directory, { components: { fileSystem: copy() } });
  expect(report.problems).toEqual([]);
  for (const name of kept) {
    expect(report.files).toContainEqual({
      file: name,
      state: "sound",
      bytes: image.contents(`${directory}/${name}`).length,
      entries: expect.any(Number),
    });
  }
  expect(report.operations).toBe(lastSeq);
  expect(await repair(directory, { components: { fileSystem: copy() } })).toMatchObject({ sound: true });
});

describe("of segments kept for the feed alone", () => {
  test.each(testSeeds(1))("a flipped bit is found, with seed %i", async (seed) => {
    const random = new Random(seed);
    const outcomes = new Set<string>();
    for (const name of kept) {
      const path = `${directory}/${name}`;
      const parts = partsOf(name, image.contents(path));
      for (let i = 0; i < COPIES; i++) {
        const part = i < parts.length ? parts[i]! : random.pick(parts);
        const at = part.offset + random.below(part.length);
        const disk = copy();
        const bytes = disk.contents(path);
        bytes[at]! ^= 1 << random.below(8);
        disk.replace(path, bytes);
        const what = `seed ${seed}, ${name}, byte ${at}`;
        expect(await damagedFiles(disk), what).toEqual([name]);
        outcomes.add(await expectNoGap(disk, what));
        if (i % 6 === 0) await expectRepaired(disk, what);
      }
    }
    expect(outcomes).toEqual(new Set(["FEED_TRIMMED", "CORRUPTION"]));
  });

  test.each(testSeeds(1))("a file that was cut off is found, with seed %i", async (seed) => {
    const random = new Random(seed);
    for (const name of kept) {
      const path = `${directory}/${name}`;
      const whole = image.contents(path);
      const last = partsOf(name, whole).at(-1)!;
      const lengths = [0, 10, last.offset, last.offset + last.length - 1, random.below(last.offset + last.length)];
      for (const length of lengths) {
        const disk = copy();
        disk.replace(path, whole.subarray(0, length));
        const what = `seed ${seed}, ${name}, cut to ${length}`;
        expect(await damagedFiles(disk), what).toEqual([name]);
        await expectNoGap(disk, what);
      }
    }
  });

  test("one that is missing, or stands in the place of another, is found", async () => {
    for (const [index, name] of kept.entries()) {
      const disk = copy();
      await disk.remove(`${directory}/${name}`);
      expect(await damagedFiles(disk), name).toEqual([name]);
      await expectNoGap(disk, `${name}, missing`);
      await expectRepaired(disk, `${name}, missing`);
      const other = kept[(index + 1) % kept.length]!;
      const mixed = copy();
      mixed.replace(`${directory}/${name}`, image.contents(`${directory}/${other}`));
      expect(await damagedFiles(mixed), `${name} as ${other}`).toEqual([name]);
      await expectNoGap(mixed, `${name} as ${other}`);
    }
  });
});

test("a feed that begins with segment 0 promises no segment", async () => {
  const disk = copy();
  const store = await openPlainStore({ ...SETTINGS, feedBytes: 0 }, { fileSystem: disk });
  await store.close();
  for (const name of kept) if (disk.exists(`${directory}/${name}`)) await disk.remove(`${directory}/${name}`);
  expect(await damagedFiles(disk)).toEqual([]);
});

test.each(["sync", "buffered"] as const)(
  "a power cut at any moment damages nothing for the feed, %s",
  async (durability) => {
    const random = new Random(7);
    const images: MemoryFileSystem[] = [];
    const settings = { ...SETTINGS, durability };
    /** Writes to a store, and cuts its power again and again; one of the cuts is gone on from. */
    const run = async (disk: MemoryFileSystem): Promise<MemoryFileSystem> => {
      const taken: MemoryFileSystem[] = [];
      let calls = 0;
      disk.onCall = () => {
        if (++calls % 5 === 0) taken.push(disk.crash(() => random.chance(0.5)));
      };
      const store = await openPlainStore(settings, { fileSystem: disk });
      for (let i = 0; i < 12; i++) {
        await store.db.put(`k${i}`, random.bytes(700));
        if (random.chance(0.2)) await store.db.flush();
      }
      await store.close();
      images.push(...taken);
      const there = taken.filter((image) => image.exists(`${directory}/CURRENT`));
      return random.pick(there).crash(() => random.chance(0.5));
    };
    let disk = new MemoryFileSystem();
    for (let life = 0; life < 8; life++) disk = await run(disk);
    const there = images.filter((image) => image.exists(`${directory}/CURRENT`));
    let withKept = 0;
    for (const [index, image] of there.entries()) {
      const { problems } = await verify(directory, { components: { fileSystem: image } });
      expect(problems, `image ${index}`).toEqual([]);
      const { feed: start, logNumber } = loadManifest(image, directory)!.numbers;
      if (start !== undefined && start.segment > 0 && start.segment < logNumber) withKept++;
    }
    expect(withKept).toBeGreaterThan(50);
  },
);
