import { isDamage } from "../format/corruption.ts";
import { equalKeys } from "../format/key-buffer.ts";
import { META, META_EXTENT, VERSION_WORDS } from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import type { BlockView } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { type KeyWords, keyWordsOf } from "./key-words.ts";
import type { Table } from "./table.ts";
import type { TableBuilder } from "./table-builder.ts";

/** See `Table.salvage`. */
export async function salvageTable(table: Table, blocks: BlockReader, into: TableBuilder): Promise<number> {
  const salvage = new TableSalvage(table, into);
  for (let block = 0; block < table.fences.blockCount; block++) {
    const view = await unlessDamaged(() => blocks.read(block));
    if (view !== undefined) await salvage.add(view, block);
  }
  return salvage.versions;
}

class TableSalvage {
  versions = 0;
  readonly #table: Table;
  readonly #into: TableBuilder;
  readonly #run: VersionRun = new VersionRun();
  /** The key that versions were added to last. */
  #key: KeyWords | undefined;

  constructor(table: Table, into: TableBuilder) {
    this.#table = table;
    this.#into = into;
  }

  async add(view: BlockView, block: number): Promise<void> {
    for (let slot = 0; slot < view.keyCount; slot++) {
      this.#startKey(view, slot);
      view.fillRun(this.#run, block, slot);
      await this.#addVersions();
    }
  }

  /** A group that goes on from an earlier block is begun only once, whichever of its blocks was whole first. */
  #startKey(view: BlockView, slot: number): void {
    const word = view.keyWord(slot);
    const length = view.i32[word - 1]!;
    const key = this.#key;
    if (key !== undefined && equalKeys(key.i32, key.word, key.length, view.i32, word, length)) return;
    this.#key = keyWordsOf(view.u8.subarray(word * 4, word * 4 + length));
    this.#into.startKey(view.i32, word, length, view.hash(slot));
  }

  /** Adds the run's versions but those whose extents are damaged. */
  async #addVersions(): Promise<void> {
    const { count } = this.#run;
    let from = 0;
    for (let index = 0; index < count; index++) {
      if (await this.#isWhole(index)) continue;
      this.#addStretch(from, index);
      from = index + 1;
    }
    this.#addStretch(from, count);
  }

  #addStretch(from: number, to: number): void {
    if (from === to) return;
    this.#into.addVersions(this.#run, from, to, this.#table);
    this.versions += to - from;
  }

  async #isWhole(index: number): Promise<boolean> {
    const run = this.#run;
    if ((run.i32[run.first + index * VERSION_WORDS + META]! & META_EXTENT) === 0) return true;
    return (await unlessDamaged(() => this.#table.extentAt(run, index).read())) !== undefined;
  }
}

/** What `read` gives, or undefined where the bytes are damaged, or the disk cannot read them. */
async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
