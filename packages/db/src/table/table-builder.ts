import { invariant } from "@kvts/common";
import type { WritableFile } from "../env/file-system.ts";
import type { VersionRun } from "../format/version-run.ts";
import { BlockView } from "./block.ts";
import { BlockBuilder } from "./block-builder.ts";
import { BlockPacker } from "./block-packer.ts";
import type { Compression } from "./compression.ts";
import { ContentsCounter } from "./contents-counter.ts";
import type { ExtentSource } from "./extent.ts";
import { ExtentWriter } from "./extent-writer.ts";
import { FenceBuilder } from "./fence-builder.ts";
import { Filter } from "./filter.ts";
import {
  DICTIONARY_BLOCK,
  DICTIONARY_BYTES,
  FLAG_CONTINUED,
  FLAG_GOES_ON,
  KIND_FILTER,
  KIND_INDEX,
  SECTION_ALIGNMENT,
} from "./format.ts";
import { keyWordsOf } from "./key-words.ts";
import type { TableProperties, TableProvenance } from "./properties.ts";
import { TableOutput } from "./table-output.ts";
import { UnfinishedTable } from "./unfinished-table.ts";
import { WordList } from "./word-list.ts";

const NO_DICTIONARY = new Uint8Array(0);

export interface TableBuilderOptions {
  /** The number in the file's name. */
  readonly fileNumber: number;
  /** The level that the table is for. */
  readonly level: number;
  readonly compression: Compression;
  /** See `TableSettings.dense`. */
  readonly dense?: boolean;
}

/**
 * Writes one table front to back. Keys come in ascending order (T1), each with its versions ascending by
 * (timestamp, seq) (T2); both are asserted before a block is written. A key without versions leaves no trace.
 *
 * Writes are synchronous: builders run in the compaction worker. Syncing, closing and, after a failure, removing the
 * file are the caller's.
 */
export class TableBuilder {
  readonly #file: WritableFile;
  readonly #options: TableBuilderOptions;
  readonly #output: TableOutput;
  readonly #extents: ExtentWriter;
  readonly #block: BlockBuilder;
  readonly #packer: BlockPacker = new BlockPacker();
  readonly #view: BlockView = new BlockView();
  readonly #fences: FenceBuilder = new FenceBuilder();
  readonly #counter: ContentsCounter = new ContentsCounter();
  readonly #hashes: WordList = new WordList(1024);
  /** The key that versions are being added to: a copy, since groups outlast blocks. */
  readonly #key: WordList = new WordList(16);
  #keyLength = 0;
  #keyHash = 0;
  /** The key has a slot in the block at hand; it has one in an earlier block. */
  #keyInBlock = false;
  #keyWritten = false;
  #blockFlags = 0;
  #blockCount = 0;
  #dictionary: Uint8Array | undefined;
  #fileBytes = 0;

  constructor(file: WritableFile, options: TableBuilderOptions) {
    this.#file = file;
    this.#options = options;
    this.#output = new TableOutput(file, options.fileNumber, options.compression);
    this.#extents = new ExtentWriter(this.#output);
    this.#block = new BlockBuilder(this.#extents);
  }

  /** Bytes that the file would have if it were finished now, about. */
  get estimatedBytes(): number {
    const filterBytes = this.#hashes.length * 1.25;
    // What is still to be packed will shrink as what was.
    const share = this.#counter.blockBytes === 0 ? 1 : Math.min(1, this.#output.position / this.#counter.blockBytes);
    return this.#output.position + this.#block.bytes * share + this.#fences.bytes + filterBytes;
  }

  /** Begins a key, aligned and zero-padded at word `word`; lent for the call. `hash` is `hashKey` of it. */
  startKey(i32: Int32Array, word: number, length: number, hash: number): void {
    this.#key.clear();
    this.#key.append(i32, word, (length + 3) >>> 2);
    this.#keyLength = length;
    this.#keyHash = hash;
    this.#keyInBlock = false;
    this.#keyWritten = false;
  }

  /** Adds records `from` … `to - 1` of `run` to the key; lent for the call. `source` finds their extents. */
  addVersions(run: VersionRun, from: number, to: number, source: ExtentSource): void {
    invariant(this.#keyLength > 0, "T3: versions follow a key");
    let index = from;
    while (index < to) {
      if (!this.#keyInBlock) this.#openGroup(run, index);
      index = this.#block.addVersions(run, index, to, source);
      if (index < to) {
        this.#finishBlock(FLAG_GOES_ON);
        this.#keyInBlock = false;
      }
    }
  }

  /** Writes what is left and the table's metadata. At least one version was added. */
  finish(provenance: TableProvenance): TableProperties {
    const table = this.finishBody();
    const properties = table.finish(provenance);
    this.#fileBytes = table.fileBytes;
    return properties;
  }

  /**
   * Writes what is left but for properties and footer, which may come when all of it is on disk already. At least one
   * version was added.
   */
  finishBody(): UnfinishedTable {
    invariant(this.#block.keyCount > 0, "T4: a table holds at least one version");
    this.#finishBlock(0);
    const output = this.#output;
    const { fileNumber, level, compression } = this.#options;
    const dictionary = this.#dictionary ?? NO_DICTIONARY;
    const contents = this.#counter.contents();
    const dataBytes = output.position;
    const filterBytes = this.#addSection(
      KIND_FILTER,
      bytesOf(Filter.build(this.#hashes.i32, this.#hashes.length).words),
    );
    const index = this.#fences.finish(keyWordsOf(contents.smallestKey), keyWordsOf(contents.largestKey));
    const indexBytes = this.#addSection(KIND_INDEX, bytesOf(index));
    output.flush();
    this.#fileBytes = output.position;
    const body = { fileNumber, level, compression, dictionary, contents, dataBytes, filterBytes, indexBytes };
    return new UnfinishedTable(this.#file, body, output.position);
  }

  /** Bytes of the file: all that was written once it is finished. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  #openGroup(run: VersionRun, index: number): void {
    if (!this.#block.hasRoomFor(this.#keyLength, run, index)) this.#finishBlock(0);
    if (!this.#keyWritten) this.#hashes.push(this.#keyHash);
    else if (this.#block.keyCount === 0) this.#blockFlags = FLAG_CONTINUED;
    this.#block.startKey({ i32: this.#key.i32, word: 0, length: this.#keyLength }, this.#keyHash);
    this.#keyInBlock = true;
    this.#keyWritten = true;
  }

  #finishBlock(flags: number): void {
    const view = this.#view;
    const block = this.#block.layOut(this.#blockFlags | flags);
    const bytes = bytesOf(block);
    view.i32 = block;
    view.u8 = bytes;
    const broken = this.#counter.add(view, bytes.length);
    invariant(broken === undefined, broken ?? "");
    const offset = this.#output.position;
    this.#fences.add(view, offset, this.#writeBlock(block, bytes.length));
    this.#block.clear();
    this.#blockFlags = 0;
  }

  /** Returns the bytes that it takes. */
  #writeBlock(block: Int32Array<ArrayBuffer>, blockBytes: number): number {
    this.#packer.pack(block);
    const { columns, body } = this.#packer;
    const storedBytes = this.#output.addBlock(columns, body, blockBytes, this.#dictionary);
    const { compression, dense } = this.#options;
    // Compressing with a dictionary takes twice as long: too much for a table that does not last, or that others wait for.
    if (this.#blockCount++ === DICTIONARY_BLOCK && compression === "lz4" && dense === true) {
      this.#dictionary = body.slice(-DICTIONARY_BYTES);
    }
    return storedBytes;
  }

  #addSection(kind: number, bytes: Uint8Array): number {
    this.#output.align(SECTION_ALIGNMENT);
    return this.#output.addPlain(kind, bytes);
  }
}

function bytesOf(words: Int32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
