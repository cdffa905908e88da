import { compareBytes, type KvtsError } from "@kvts/common";
import { corruption, damageFrom } from "../format/corruption.ts";
import { compareKeys, hashKey } from "../format/key-buffer.ts";
import { META, META_EXTENT, TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import type { BlockView } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { ContentsCounter } from "./contents-counter.ts";
import { TableExtent } from "./extent.ts";
import { newestOf } from "./fence-builder.ts";
import { FIRST_OF_GROUP } from "./fence-format.ts";
import type { Fences } from "./fences.ts";
import type { Filter } from "./filter.ts";
import { FOOTER_BYTES } from "./footer.ts";
import type { KeyWords } from "./key-words.ts";
import { type MetadataSections, readFooter, readSections } from "./metadata.ts";
import type { TableContents, TableProperties } from "./properties.ts";
import type { TableBytes } from "./table-bytes.ts";

/** Hears of one thing that is wrong: CORRUPTION with file and offset. May throw it, which ends the search. */
export type DamageListener = (damage: KvtsError) => void;

export interface VerifiedTable {
  /** Undefined where they cannot be read. */
  readonly properties: TableProperties | undefined;
  /** Whether filter, index and properties can all be read, so that the table can be opened. */
  readonly canBeOpened: boolean;
}

/**
 * Reads a whole table past every cache, and checks it: checksums, structure, order, hashes, filter, index, extents and
 * properties. What is damaged does not keep it from checking the rest, as far as that can be found. It reads a block or a
 * chunk of an extent at a time, and keeps no more than that and the table's metadata.
 * @throws UNIMPLEMENTED for a table of a newer format; the system's error where it is not the file's fault
 */
export async function verifyTable(bytes: TableBytes, damaged: DamageListener): Promise<VerifiedTable> {
  const attempt = <T>(offset: number, read: () => T | Promise<T>) => unlessDamaged(bytes, offset, damaged, read);
  const sections = await attempt(Math.max(0, bytes.size - FOOTER_BYTES), async () => {
    return readSections(bytes, await readFooter(bytes));
  });
  if (sections === undefined) return { properties: undefined, canBeOpened: false };
  const { offsets } = sections;
  const properties = await attempt(offsets.properties, () => sections.properties());
  const filter = await attempt(offsets.filter, () => sections.filter());
  const fences = await attempt(offsets.index, () => sections.fences());
  if (fences !== undefined) {
    await new ContentsCheck(bytes, damaged, { sections, filter, fences, properties }).run();
  }
  return { properties, canBeOpened: filter !== undefined && fences !== undefined && properties !== undefined };
}

interface ReadMetadata {
  readonly sections: MetadataSections;
  readonly filter: Filter | undefined;
  readonly fences: Fences;
  readonly properties: TableProperties | undefined;
}

/** A walk through blocks and extents, held against what the metadata say of them. */
class ContentsCheck {
  readonly #bytes: TableBytes;
  readonly #damaged: DamageListener;
  readonly #metadata: ReadMetadata;
  #counter: ContentsCounter = new ContentsCounter();
  /** The last key of the block before, where that could be read. */
  #lastKey: KeyWords | undefined;
  /** Bytes of the blocks and extents passed, as they are stored. */
  #storedBytes = 0;
  /** Whether everything so far could be read, so that counts mean something. */
  #isWhole = true;
  #filterFailed = false;

  constructor(bytes: TableBytes, damaged: DamageListener, metadata: ReadMetadata) {
    this.#bytes = bytes;
    this.#damaged = damaged;
    this.#metadata = metadata;
  }

  async run(): Promise<void> {
    const { fences } = this.#metadata;
    const blocks = new BlockReader(this.#bytes, fences);
    for (let block = 0; block < fences.blockCount; block++) {
      this.#storedBytes += fences.storedBytes(block);
      const view = await this.#attempt(fences.offset(block), () => blocks.read(block));
      if (view === undefined) this.#beginAnew();
      else await this.#checkBlock(block, view);
    }
    if (this.#isWhole) this.#checkTotals();
  }

  async #checkBlock(block: number, view: BlockView): Promise<void> {
    const { fences } = this.#metadata;
    const broken = this.#counter.add(view, view.u8.length);
    const problem =
      broken === undefined
        ? (slotProblem(view) ?? fenceProblem(fences, block, view, this.#lastKey))
        : `what must hold does not (${broken})`;
    if (problem !== undefined) this.#report(fences.offset(block), problem);
    this.#checkFilter(fences.offset(block), view);
    await this.#checkExtents(fences.offset(block), view);
    // Where order is lost, the next block is judged by itself.
    if (broken === undefined) this.#lastKey = keyOf(view, view.keyCount - 1);
    else this.#beginAnew();
  }

  /** A filter that fails one key most likely fails many: it is told of once. */
  #checkFilter(blockOffset: number, view: BlockView): void {
    const { filter, sections } = this.#metadata;
    if (filter === undefined || this.#filterFailed) return;
    for (let slot = 0; slot < view.keyCount; slot++) {
      if (filter.mayContain(view.hash(slot))) continue;
      this.#filterFailed = true;
      this.#report(sections.offsets.filter, `the filter denies a key that is in the block at byte ${blockOffset}`);
      return;
    }
  }

  async #checkExtents(blockOffset: number, view: BlockView): Promise<void> {
    const { dataBytes } = this.#metadata.sections.footer;
    const run = new VersionRun();
    for (let slot = 0; slot < view.keyCount; slot++) {
      view.fillRun(run, 0, slot);
      for (let index = 0; index < run.count; index++) {
        if ((run.i32[run.first + index * VERSION_WORDS + META]! & META_EXTENT) === 0) continue;
        const at = index;
        const extent = await this.#attempt(blockOffset, async () => {
          const found = new TableExtent(this.#bytes, dataBytes, run, at);
          await found.verify();
          return found;
        });
        this.#storedBytes += extent?.storedBytes ?? 0;
      }
    }
  }

  #checkTotals(): void {
    const { sections, properties } = this.#metadata;
    const { dataBytes } = sections.footer;
    if (this.#storedBytes !== dataBytes) {
      this.#report(0, `its blocks and extents have ${this.#storedBytes} bytes, and the footer says ${dataBytes}`);
    }
    const differing = properties && differingProperty(properties, this.#counter.contents());
    if (differing !== undefined) {
      this.#report(sections.offsets.properties, `its properties are not those of its contents (${differing})`);
    }
  }

  /** After a gap nothing is known of what came before, and totals mean nothing any more. */
  #beginAnew(): void {
    this.#isWhole = false;
    this.#lastKey = undefined;
    this.#counter = new ContentsCounter(true);
  }

  #report(offset: number, problem: string): void {
    this.#damaged(corruption(this.#bytes.path, offset, problem));
  }

  async #attempt<T>(offset: number, read: () => Promise<T>): Promise<T | undefined> {
    const result = await unlessDamaged(this.#bytes, offset, this.#damaged, read);
    if (result === undefined) this.#isWhole = false;
    return result;
  }
}

/** What `read` gives; undefined, and `damaged` has heard of it, where the bytes are damaged or cannot be read. */
async function unlessDamaged<T>(
  { path }: TableBytes,
  offset: number,
  damaged: DamageListener,
  read: () => T | Promise<T>,
): Promise<T | undefined> {
  let damage: KvtsError;
  try {
    return await read();
  } catch (error) {
    damage = damageFrom(error, path, offset);
  }
  damaged(damage);
  return undefined;
}

function slotProblem(view: BlockView): string | undefined {
  for (let slot = 0; slot < view.keyCount; slot++) {
    const { i32, word, length } = keyOf(view, slot);
    if (hashKey(i32, word, length) !== view.hash(slot)) return "a key's hash is wrong";
    if (view.prefixOf(slot) !== view.prefix(slot)) return "a key's prefix is wrong";
  }
  return undefined;
}

/**
 * A fence lies above the last key of the block before and not above its block's first key. Inside a group it is that
 * key, with the first record's timestamp.
 */
function fenceProblem(fences: Fences, block: number, view: BlockView, last: KeyWords | undefined): string | undefined {
  const separator = fences.separator(block);
  const order = compare(separator, keyOf(view, 0));
  const continued = view.continued;
  const tsHi = continued ? view.i32[view.recordsWord]! : FIRST_OF_GROUP;
  const tsLo = continued ? view.i32[view.recordsWord + TS_LO]! : FIRST_OF_GROUP;
  const above = continued || last === undefined || compare(last, separator) < 0;
  const sound = above && (continued ? order === 0 : order <= 0) && fences.agreesWith(block, tsHi, tsLo);
  if (!sound) return "a block does not begin where the index says";
  const newest = newestOf(view);
  return fences.agreesWithNewest(block, newest.tsHi, newest.tsLo)
    ? undefined
    : "the newest version of a block is not where the index says";
}

function differingProperty(claimed: TableContents, counted: TableContents): string | undefined {
  for (const name of Object.keys(counted) as (keyof TableContents)[]) {
    const a = claimed[name];
    const b = counted[name];
    const same = typeof a === "number" || typeof b === "number" ? a === b : compareBytes(a, b) === 0;
    if (!same) return name;
  }
  return undefined;
}

function keyOf(view: BlockView, slot: number): KeyWords {
  const word = view.keyWord(slot);
  return { i32: view.i32, word, length: view.i32[word - 1]! };
}

function compare(a: KeyWords, b: KeyWords): number {
  return compareKeys(a.i32, a.word, a.length, b.i32, b.word, b.length);
}
