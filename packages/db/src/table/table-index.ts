import { BlockReader } from "./block-reader.ts";
import type { Fences } from "./fences.ts";
import type { Filter } from "./filter.ts";
import type { Footer } from "./footer.ts";
import type { IndexCache } from "./index-cache.ts";
import { type Metadata, type MetadataSections, metadataOf, readSections, readSectionsSync } from "./metadata.ts";
import type { TableBytes } from "./table-bytes.ts";

/** In the place of a block's number: filter and fences, which have to be there before any block can be found. */
export const INDEX_BLOCK = -1;

/** What leads to a table's blocks. */
export interface IndexParts {
  readonly filter: Filter;
  readonly fences: Fences;
  readonly blocks: BlockReader;
}

/** Keeps filter and fences in memory until it is released; may be released twice. */
export class IndexPin implements Disposable {
  #index: TableIndex | undefined;

  /** Takes over one of its pins. */
  constructor(index: TableIndex) {
    this.#index = index;
  }

  release(): void {
    if (this.#index !== undefined) this.#index.pins--;
    this.#index = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Filter and fences of one table: read when they are first needed, kept until the cache lets go of them, and read again.
 * Whoever is using fences meanwhile may go on: they never change.
 */
export class TableIndex {
  /** Undefined while it is not in memory. */
  parts: IndexParts | undefined;
  /** Whether it was used since the cache's hand passed. */
  referenced = false;
  /** How many wait for it, or have not looked again since it came. */
  pins = 0;
  /** Bytes of memory that it takes; 0 before it was read. */
  bytes = 0;
  readonly #bytes: TableBytes;
  readonly #footer: Footer;
  readonly #cache: IndexCache | undefined;
  readonly #learn: (metadata: Metadata) => void;
  #isKnown = false;
  #loading: Promise<void> | undefined;
  #isClosed = false;

  /**
   * @param cache none for an index that stays.
   * @param learn is told everything behind the data when it is first read. Where it throws, the reading has failed.
   */
  constructor(bytes: TableBytes, footer: Footer, cache: IndexCache | undefined, learn: (metadata: Metadata) => void) {
    this.#bytes = bytes;
    this.#footer = footer;
    this.#cache = cache;
    this.#learn = learn;
  }

  /** Reads it at once where it is not in memory. @throws CORRUPTION; the system's error where reading fails */
  bringSync(): IndexParts {
    return this.parts ?? this.#install(readSectionsSync(this.#bytes, this.#footer));
  }

  /** Brings it into memory, where it stays until the pin is released. Callers share one read. @throws as bringSync */
  async load(): Promise<IndexPin> {
    this.pins++;
    const pin = new IndexPin(this);
    try {
      if (this.parts === undefined) {
        this.#loading ??= this.#read();
        await this.#loading;
      }
      return pin;
    } catch (error) {
      pin.release();
      throw error;
    }
  }

  /** The cache lets go of it. */
  drop(): void {
    this.parts = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#cache?.remove(this);
  }

  async #read(): Promise<void> {
    try {
      const sections = await readSections(this.#bytes, this.#footer);
      // A synchronous reader may have been faster.
      if (this.parts === undefined) this.#install(sections);
    } finally {
      this.#loading = undefined;
    }
  }

  #install(sections: MetadataSections): IndexParts {
    const isReload = this.#isKnown;
    const { filter, fences } = isReload ? partsOf(sections) : this.#getToKnow(sections);
    const parts = { filter, fences, blocks: new BlockReader(this.#bytes, fences) };
    this.parts = parts;
    if (this.#cache !== undefined && !this.#isClosed) {
      if (isReload) this.#cache.reloads++;
      this.#cache.add(this);
    }
    return parts;
  }

  #getToKnow(sections: MetadataSections): Metadata {
    const metadata = metadataOf(sections);
    this.#learn(metadata);
    this.bytes = metadata.memoryBytes;
    this.#isKnown = true;
    return metadata;
  }
}

function partsOf(sections: MetadataSections): { filter: Filter; fences: Fences } {
  const fences = sections.fences();
  return { fences, filter: sections.filter() };
}
