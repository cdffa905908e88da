import { expect, test } from "vitest";
import { parseFileName } from "./format/filenames.ts";
import { loadManifest } from "./manifest/state.ts";
import { AllocationWatch } from "./testing/damage/allocation-watch.ts";
import { BYTE_DAMAGES } from "./testing/damage/byte-damages.ts";
import { type DamageRules, type Examination, examineDamaged } from "./testing/damage/examine-damaged.ts";
import { partsOf } from "./testing/damage/file-parts.ts";
import { forge } from "./testing/damage/forgeries.ts";
import { damageTarget, filesOfKind, type StoreImage, storeImage } from "./testing/damage/store-image.ts";
import { tornBatchesMax } from "./testing/damage/torn-batches.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { Random } from "./testing/random.ts";
import { testSeeds } from "./testing/seeds.ts";

/** KVTS_TEST_SEEDS asks for more damage, KVTS_TEST_SEED for that of one seed; a failure names its seed. */
const SEEDS = testSeeds(1);
const IMAGES = {
  none: await storeImage("none", 1),
  lz4: await storeImage("lz4", 1),
  zstd: await storeImage("zstd", 1),
};
type ImageName = keyof typeof IMAGES;
const FOREIGN = await storeImage("none", 2);

/** Damaged copies of a file for each seed and kind of damage, by its kind; small files are tried out in full. */
const COPIES: { readonly [kind: string]: number } = { current: 25, manifest: 14, marks: 9, log: 9, table: 4 };
const COPIES_OTHERWISE = 2;
const FORGERIES: { readonly [kind: string]: number } = { manifest: 120, marks: 40, log: 40, table: 16 };
/** All files of an image together have less than 250 KB, and a memtable of 256 KiB and a segment's window are taken anyhow. */
const ALLOCATION_BYTES_MAX = 1024 * 1024;

const kindOf = (name: string) => parseFileName(name)?.kind ?? "other";

/** Every file of the uncompressed image; of the others, tables of each kind. */
function filesToDamage(of: ImageName): string[] {
  const { fileSystem, directory } = IMAGES[of];
  if (of === "none") return fileSystem.list(directory).filter((name) => kindOf(name) !== "lost");
  return filesOfKind(IMAGES[of], "table").slice(0, 3);
}

const FILES = (Object.keys(IMAGES) as ImageName[]).flatMap((image) =>
  filesToDamage(image).map((name) => ({ image, name })),
);

/** Damages one file, if `bytes` is undefined by removing it, and examines what comes of it. */
async function examine(
  image: StoreImage,
  name: string,
  bytes: Uint8Array | undefined,
  random: Random,
  rules: Partial<DamageRules> = {},
): Promise<Examination> {
  const damaged = image.fileSystem.crash(() => true);
  const path = `${image.directory}/${name}`;
  if (bytes === undefined) await damaged.remove(path);
  else damaged.replace(path, bytes);
  return await examineImage(image, damaged, random, rules);
}

async function examineImage(
  image: StoreImage,
  damaged: MemoryFileSystem,
  random: Random,
  rules: Partial<DamageRules> = {},
): Promise<Examination> {
  const whole = { tornBatchesMax: tornBatchesMax(image, damaged), isForged: false, ...rules };
  using watch = new AllocationWatch();
  const examination = await examineDamaged(image, damaged, whole, random);
  expect(watch.largestBytes, "bytes asked for at once").toBeLessThanOrEqual(ALLOCATION_BYTES_MAX);
  return examination;
}

/** Tells what was done where an examination fails. */
async function telling<T>(what: string, examined: () => Promise<T>): Promise<T> {
  try {
    return await examined();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

/** A file of range marks that was written for a flush, which had not come to its end. */
function isStray({ fileSystem, directory }: StoreImage, name: string): boolean {
  const file = parseFileName(name);
  if (file?.kind !== "marks") return false;
  return loadManifest(fileSystem, directory)!.numbers.markFiles?.includes(file.number) !== true;
}

test("an image is whole, and has every kind of file", { timeout: 60_000 }, async () => {
  for (const image of Object.values(IMAGES)) {
    const { directory, fileSystem } = image;
    expect(new Set(fileSystem.list(directory).map(kindOf))).toEqual(
      new Set(["current", "lock", "lost", "log", "manifest", "marks", "spare", "table"]),
    );
    expect(filesOfKind(image, "marks").filter((name) => !isStray(image, name))).toHaveLength(2);
    expect(filesOfKind(image, "log")).toHaveLength(3);
    expect(image.recycled.length).toBeGreaterThan(0);
    const examination = await examineImage(image, fileSystem, new Random(1));
    expect(examination).toMatchObject({ refused: false, tornBatches: 0, repaired: { sound: true, lost: false } });
  }
});

test.each(FILES.flatMap((file) => BYTE_DAMAGES.map((damage) => ({ ...file, damage, what: damage.name }))))(
  "$image/$name: $what",
  { timeout: 120_000 },
  async ({ image: imageName, name, damage, what }) => {
    const image = IMAGES[imageName];
    const target = damageTarget(image, name, FOREIGN);
    for (const seed of SEEDS) {
      const random = new Random(seed);
      for (const copy of damage.copies(target, random, COPIES[kindOf(name)] ?? COPIES_OTHERWISE)) {
        const { refused, repaired } = await telling(`seed ${seed}, ${copy.what}`, () =>
          examine(image, name, copy.bytes, random),
        );
        // A name for a manifest, and nothing else, is read from CURRENT; what holds nothing is not read at all.
        if (kindOf(name) === "lock" || kindOf(name) === "spare") {
          expect({ refused, lost: repaired?.lost }, `${what}, ${copy.what}`).toEqual({ refused: false, lost: false });
        }
      }
    }
  },
);

test.each(FILES)("$image/$name: missing", { timeout: 120_000 }, async ({ image, name }) => {
  const { refused } = await examine(IMAGES[image], name, undefined, new Random(1));
  const isNeeded = !["lock", "spare"].includes(kindOf(name)) && !isStray(IMAGES[image], name);
  expect(refused).toBe(isNeeded && name !== filesOfKind(IMAGES[image], "log").at(-1));
});

test.each(FILES.filter(({ image, name }) => kindOf(name) in FORGERIES && !isStray(IMAGES[image], name)))(
  "$image/$name: false contents under right checksums",
  { timeout: 120_000 },
  async ({ image: imageName, name }) => {
    const image = IMAGES[imageName];
    const bytes = image.fileSystem.contents(`${image.directory}/${name}`);
    const target = { name, bytes, parts: partsOf(name, bytes), incarnation: image.incarnation };
    for (const seed of SEEDS) {
      const random = new Random(seed);
      let refused = 0;
      for (let i = 0; i < FORGERIES[kindOf(name)]!; i++) {
        const copy = forge(target, random)!;
        const examination = await telling(`seed ${seed}, ${copy.what}`, () =>
          examine(image, name, copy.bytes, random, { isForged: true }),
        );
        if (examination.refused) refused++;
      }
      expect(refused).toBeGreaterThan(0);
    }
  },
);

test("frames of an earlier life, of other logs and of another store's behind the end of the log are nothing", {
  timeout: 120_000,
}, async () => {
  const image = IMAGES.none;
  const name = filesOfKind(image, "log").at(-1)!;
  const path = `${image.directory}/${name}`;
  const whole = image.fileSystem.contents(path);
  const last = partsOf(name, whole).at(-1)!;
  const end = last.offset + last.length;
  for (const other of [image, FOREIGN]) {
    for (const log of filesOfKind(other, "log")) {
      const bytes = other.fileSystem.contents(`${other.directory}/${log}`);
      for (const { offset } of log === name && other === image ? [] : partsOf(log, bytes)) {
        const copy = new Uint8Array(end + bytes.length - offset);
        copy.set(whole.subarray(0, end));
        copy.set(bytes.subarray(offset), end);
        const examination = await telling(`${log} from ${offset} on`, () =>
          examine(image, name, copy, new Random(offset)),
        );
        expect(examination).toMatchObject({ refused: false, tornBatches: 0, repaired: { lost: false } });
      }
    }
  }
});
