import type { ReadableFile } from "../env/file-system.ts";
import type { KeyBuffer } from "../format/key-buffer.ts";
import { ABSENT, type BlockDemand, FOUND, type Lookup, MISS, type VersionRun } from "../format/version-run.ts";
import { BlockView } from "./block.ts";
import { type BlockCache, NOT_CACHED } from "./block-cache.ts";
import { BlockLoader, type BlockPin, closedDuringRead } from "./block-loader.ts";
import { TableExtent } from "./extent.ts";
import type { Fences } from "./fences.ts";
import type { IndexCache } from "./index-cache.ts";
import { type KeyWords, keyWordsOf } from "./key-words.ts";
import { type Metadata, readFooterSync } from "./metadata.ts";
import type { TableProperties } from "./properties.ts";
import { salvageTable } from "./salvage.ts";
import type { TableBuilder } from "./table-builder.ts";
import { TableBytes } from "./table-bytes.ts";
import { TableCursor } from "./table-cursor.ts";
import { INDEX_BLOCK, type IndexPin, TableIndex } from "./table-index.ts";
import { verifyTable } from "./verify.ts";

// One view serves every lookup: nothing else runs in between.
const VIEW = new BlockView();

const NO_FRAMES = new Int32Array(0);

/**
 * One immutable table file, open for reading: a layer of the store (docs/internals.md). Blocks come and
 * go in the cache that it was opened with, filter and fences in another one. What the table is, it learns when either is
 * first needed: until then nothing of it has been read but its footer.
 *
 * Whoever opened it counts its readers: `close` comes after the last of them has released its runs and cursors.
 */
export class Table {
  /** The number in the file's name. */
  readonly number: number;
  readonly path: string;
  readonly fileBytes: number;
  readonly #index: TableIndex;
  readonly #bytes: TableBytes;
  readonly #cache: BlockCache;
  readonly #check: (properties: TableProperties) => void;
  #metadata: Omit<Metadata, "filter" | "fences"> | undefined;
  #blockCount = 0;
  /** By block: where it is in the cache. */
  #frames: Int32Array = NO_FRAMES;
  #loader: BlockLoader | undefined;
  #isClosed = false;

  private constructor(
    bytes: TableBytes,
    number: number,
    cache: BlockCache,
    indexes: IndexCache | undefined,
    check: (properties: TableProperties) => void,
  ) {
    this.number = number;
    this.path = bytes.path;
    this.fileBytes = bytes.size;
    this.#bytes = bytes;
    this.#cache = cache;
    this.#check = check;
    this.#index = new TableIndex(bytes, readFooterSync(bytes), indexes, (metadata) => this.#take(metadata));
  }

  /**
   * Reads filter, fences and properties at once, and no block. From here on the table owns `file`, also where this
   * throws: the file is closed then.
   * @param indexes where filter and fences are kept; without it they stay in memory.
   * @throws CORRUPTION; UNIMPLEMENTED for a table of a newer format.
   */
  static open(file: ReadableFile, number: number, cache: BlockCache, indexes?: IndexCache): Table {
    const table = Table.openUnread(file, number, cache, indexes);
    try {
      table.learnSync();
      return table;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Reads the footer and nothing else: what {@link open} would throw may come with the first lookup. Owns `file` likewise.
   * @param check throws where the properties, once they are read, are not those that are expected.
   * @throws CORRUPTION; UNIMPLEMENTED for a table of a newer format.
   */
  static openUnread(
    file: ReadableFile,
    number: number,
    cache: BlockCache,
    indexes?: IndexCache,
    check: (properties: TableProperties) => void = () => {},
  ): Table {
    try {
      return new Table(new TableBytes(file, number), number, cache, indexes, check);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Whether what the table tells of itself has been read. */
  get isKnown(): boolean {
    return this.#metadata !== undefined;
  }

  /** Reads it, unless it was read before. @throws as {@link open}, and what `check` throws */
  async learn(): Promise<void> {
    if (!this.isKnown) (await this.#index.load()).release();
  }

  /** {@link learn}, at once. */
  learnSync(): void {
    this.#known();
  }

  // What the table tells of itself, read at once where nothing has been read of it.

  get properties(): TableProperties {
    return this.#known().properties;
  }

  get smallest(): KeyWords {
    return keyWordsOf(this.properties.smallestKey);
  }

  get largest(): KeyWords {
    return keyWordsOf(this.properties.largestKey);
  }

  get minTimestamp(): number {
    return this.properties.minTimestamp;
  }

  get maxTimestamp(): number {
    return this.properties.maxTimestamp;
  }

  get minSeq(): number {
    return this.properties.minSeq;
  }

  get maxSeq(): number {
    return this.properties.maxSeq;
  }

  get entryCount(): number {
    return this.properties.entryCount;
  }

  get keyCount(): number {
    return this.properties.keyCount;
  }

  /** Bytes of memory that the table takes with its filter and fences; blocks are the cache's. */
  get memoryBytes(): number {
    return this.#known().memoryBytes + this.#blockCount * 4;
  }

  get blockCount(): number {
    this.#known();
    return this.#blockCount;
  }

  /** The fences, read at once where they are not in memory. */
  get fences(): Fences {
    return this.#index.bringSync().fences;
  }

  /** Whether filter and fences are in memory. */
  get isIndexed(): boolean {
    return this.#index.parts !== undefined;
  }

  /** False only where no key with this hash (`hashKey`) is in the table. True where the filter is not in memory. */
  mayContain(hash: number): boolean {
    const index = this.#index;
    if (index.parts === undefined) return true;
    index.referenced = true;
    return index.parts.filter.mayContain(hash);
  }

  /** The fences, read at once where `demand` allows it. Undefined where they are not in memory and `demand` now says so. */
  bringFences(demand: BlockDemand<Table>): Fences | undefined {
    const index = this.#index;
    index.referenced = true;
    if (index.parts !== undefined) return index.parts.fences;
    if (demand.sync) return index.bringSync().fences;
    demand.table = this;
    demand.block = INDEX_BLOCK;
    return undefined;
  }

  /**
   * The key's run that holds its last version with timestamp ≤ (tsHi, tsLo); its first run where none is that old.
   * What `run` pinned before is released where the answer is FOUND; on ABSENT and MISS it stays as it is.
   *
   * @param floorHi with `floorLo`, the words of a timestamp: ABSENT where the run's versions are known to be older. −1
   *   asks for all.
   */
  locate(
    key: KeyBuffer,
    tsHi: number,
    tsLo: number,
    run: VersionRun,
    demand: BlockDemand<Table>,
    floorHi: number = -1,
    floorLo: number = 0,
  ): Lookup {
    const { parts } = this.#index;
    if (parts === undefined) return this.#locateWithIndex(key, tsHi, tsLo, run, demand, floorHi, floorLo);
    const block = parts.fences.find(key.i32, key.u8, 0, key.length, tsHi, tsLo);
    if (block < 0 || (floorHi >= 0 && parts.fences.isOlder(block, floorHi, floorLo))) return ABSENT;
    if (!this.bring(block, VIEW, demand)) return MISS;
    const slot = VIEW.find(key);
    if (slot < 0) return ABSENT;
    this.pinRun(VIEW, block, slot, run);
    return FOUND;
  }

  /** The run of the same key with older versions that adjoins `run`, in its place. */
  previousRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    if (!run.hasPrevious) return ABSENT;
    const block = run.node - 1;
    if (!this.bring(block, VIEW, demand)) return MISS;
    this.pinRun(VIEW, block, VIEW.keyCount - 1, run);
    return FOUND;
  }

  /** The run of the same key with newer versions that adjoins `run`, in its place. */
  nextRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    if (!run.hasNext) return ABSENT;
    const block = run.node + 1;
    if (!this.bring(block, VIEW, demand)) return MISS;
    this.pinRun(VIEW, block, 0, run);
    return FOUND;
  }

  /** A cursor over the distinct keys; close it. */
  cursor(): TableCursor {
    return new TableCursor(this);
  }

  /**
   * Loads a block, or the index ({@link INDEX_BLOCK}), that a lookup lacked. It stays in memory until the pin is released, so hold that until the lookup
   * was repeated. Callers of the same block share one read.
   * @throws CORRUPTION naming file and offset; the system's error where reading fails.
   */
  async load(block: number): Promise<BlockPin | IndexPin> {
    const index = this.#index;
    if (block === INDEX_BLOCK) return index.load();
    if (index.parts !== undefined) return this.#loader!.load(block, index.parts);
    using _held = await index.load();
    return await this.#loader!.load(block, index.bringSync());
  }

  /** {@link load}, at once. */
  loadSync(block: number): BlockPin {
    const parts = this.#index.bringSync();
    return this.#loader!.loadSync(block, parts);
  }

  /** The value of record `index` of `run`, which has META_EXTENT; to be read while the table is open. */
  extentAt(run: VersionRun, index: number): TableExtent {
    return new TableExtent(this.#bytes, this.#known().dataBytes, run, index);
  }

  /** Releases what a run pins: `run.release()`. */
  unpin(run: VersionRun): void {
    run.release();
  }

  /**
   * Reads everything again, past the cache, and checks it: checksums, structure, order, hashes, filter, fences, extents
   * and properties. Gives way to the event loop between blocks.
   * @throws CORRUPTION for the first thing that is wrong.
   */
  async verify(): Promise<void> {
    await verifyTable(this.#bytes, (damage) => {
      throw damage;
    });
  }

  /**
   * Adds every version that can still be read to a builder that has nothing yet. Filter, fences and properties are whole,
   * or the table could not have been opened; blocks and extents may be damaged. Resolves to the number of versions.
   */
  salvage(into: TableBuilder): Promise<number> {
    return salvageTable(this, this.#index.bringSync().blocks, into);
  }

  /** Drops the table's blocks from the cache and closes the file: at once, or when the reads under way have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#loader?.close();
    this.#index.close();
    if (this.#frames !== NO_FRAMES) this.#cache.forget(this.#frames);
    await this.#bytes.close();
  }

  /**
   * Points `view` at a block, read at once where `demand` allows it. False where it is not in memory and `demand` now
   * says so. The view is good for this synchronous stretch, and longer where its frame is pinned.
   */
  bring(block: number, view: BlockView, demand: BlockDemand<Table>): boolean {
    const cache = this.#cache;
    const entry = this.#frames[block]!;
    if (entry === NOT_CACHED) return this.#bringFromFile(block, view, demand);
    cache.hits++;
    cache.point(view, entry);
    return true;
  }

  /** Makes `run` a slot's versions and pins their frame in place of the one that it pinned. */
  pinRun(view: BlockView, block: number, slot: number, run: VersionRun): void {
    // Pinned before the old one is released: it may be the same frame.
    view.pin();
    run.release();
    view.fillRun(run, block, slot);
    run.frame = view.frame;
    run.pins = view.pins;
  }

  /** Brings the index before it looks. Then the filter has its say too, which nobody could ask before. */
  #locateWithIndex(
    key: KeyBuffer,
    tsHi: number,
    tsLo: number,
    run: VersionRun,
    demand: BlockDemand<Table>,
    floorHi: number,
    floorLo: number,
  ): Lookup {
    if (this.bringFences(demand) === undefined) return MISS;
    return this.mayContain(key.hash) ? this.locate(key, tsHi, tsLo, run, demand, floorHi, floorLo) : ABSENT;
  }

  #known(): Omit<Metadata, "filter" | "fences"> {
    if (this.#metadata === undefined) this.#index.bringSync();
    return this.#metadata!;
  }

  #take({ properties, fences, dataBytes, memoryBytes }: Metadata): void {
    if (this.#isClosed) throw closedDuringRead(this.path);
    this.#check(properties);
    this.#metadata = { properties, dataBytes, memoryBytes };
    this.#blockCount = fences.blockCount;
    this.#frames = this.#cache.register(fences.blockCount);
    this.#loader = new BlockLoader(this.#bytes, this.#cache, this.#frames);
  }

  #bringFromFile(block: number, view: BlockView, demand: BlockDemand<Table>): boolean {
    const cache = this.#cache;
    cache.misses++;
    const index = this.#index;
    if (!demand.sync) {
      demand.table = this;
      demand.block = index.parts === undefined ? INDEX_BLOCK : block;
      return false;
    }
    const parts = index.bringSync();
    this.#loader!.bringSync(block, parts);
    cache.point(view, this.#frames[block]!);
    return true;
  }
}
